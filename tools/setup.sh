#!/usr/bin/env bash
# setup.sh [sanitize]: installs what building and testing need and this machine lacks. Silent when nothing is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

die() {
  echo "setup: $*" >&2
  exit 1
}

# ---- Debian packages, each with the file or command that shows it is there ------------------------------------------

packages=()
need_command() { command -v "$1" >/dev/null || packages+=("$2"); }
need_file() { compgen -G "$1" >/dev/null || packages+=("$2"); }

need_command cmake cmake
need_command ninja ninja-build
need_command pkg-config pkg-config
need_command cc gcc
need_command c++ g++
need_command clang-22 clang-22
need_command ld.lld-22 lld-22
need_command llvm-ar-22 llvm-22
need_command clang-format-22 clang-format-22
need_file '/usr/lib/llvm-22/lib/clang/22/lib/*/libclang_rt.asan*.a' libclang-rt-22-dev
need_file '/usr/lib/llvm-22/lib/clang/22/lib/*/libclang_rt.builtins-wasm32.a' libclang-rt-22-dev-wasm32
need_file /usr/include/wasm32-wasi/stdlib.h wasi-libc
# The engine llvm. The first of these brings most of what its static libraries are linked with.
need_file '/usr/lib/llvm-22/lib/libLLVMX86CodeGen.a' llvm-22-dev
need_file '/usr/lib/llvm-22/lib/libPolly.a' libpolly-22-dev
need_file '/usr/include/zstd.h' libzstd-dev
need_file '/usr/include/zlib.h' zlib1g-dev
need_file '/usr/include/*/ffi.h' libffi-dev
need_command redis-server redis-server
need_file /usr/lib/go-1.23/bin/go golang-1.23-go
need_file '/usr/lib/python3*/ensurepip/__main__.py' python3-venv

if [ ${#packages[@]} -gt 0 ]; then
  echo "setup: installing ${packages[*]}"
  command -v apt-get >/dev/null || die "no apt-get here; install by hand what these Debian packages hold: ${packages[*]}"
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "neither root nor sudo; ask for these packages: ${packages[*]}"
    as_root=(sudo)
  fi
  # Debian 12 itself has no Go that knows WASI; its backports do. They are taken from where this machine takes Debian 12 from, and
  # apt takes from them only what it is asked for by name.
  if [[ " ${packages[*]} " == *' golang-1.23-go '* ]] && grep -q '^VERSION_CODENAME=bookworm' /etc/os-release; then
    "${as_root[@]}" apt-get update
    suites() { apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Identifier: Packages' | sort -u; }
    if ! suites | grep -q '^bookworm-backports '; then
      mirror=$(suites | sed -n 's/^bookworm //p' | head -n 1)
      [ -n "$mirror" ] || die "golang-1.23-go is in bookworm-backports; apt has no source for bookworm here to take that from, add one"
      printf '%s\n' 'Types: deb' "URIs: $mirror" 'Suites: bookworm-backports' 'Components: main' \
        'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg' |
        "${as_root[@]}" tee /etc/apt/sources.list.d/bookworm-backports.sources >/dev/null
    fi
  fi
  "${as_root[@]}" apt-get update
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${packages[@]}" ||
    die "apt-get could not install all of: ${packages[*]} (clang 22 is in Debian 12 with its security updates, Go 1.23 in its backports)"
fi

# ---- Rust -----------------------------------------------------------------------------------------------------------

# rust-toolchain.toml says which. rustup installs it when asked, also where it may not do so unasked (RUSTUP_AUTO_INSTALL=0).
channel=$(sed -n 's/^channel = "\(.*\)"$/\1/p' rust-toolchain.toml)
targets=$(sed -n 's/^targets = \[\(.*\)\]$/\1/p' rust-toolchain.toml | tr -d '",')
if command -v rustup >/dev/null; then
  rust_is_there() {
    rustup run "$channel" cargo clippy --version && rustup run "$channel" cargo fmt --version || return 1
    for target in $targets; do
      [ -d "$(rustup run "$channel" rustc --print target-libdir --target "$target")" ] || return 1
    done
  } >/dev/null 2>&1
  if ! rust_is_there; then
    echo "setup: installing Rust $channel"
    # shellcheck disable=SC2086 # one word a target
    rustup toolchain install "$channel" --profile minimal --component clippy --component rustfmt $(printf -- '--target %s ' $targets) ||
      die "rustup could not install Rust $channel with: $targets"
  fi
else
  # Without rustup, rust-toolchain.toml is not read: what is installed has to do.
  command -v cargo >/dev/null || die "Rust $channel is missing; install rustup (Debian: rustup), then run this again"
  oldest=$(sed -n 's/^rust-version = "1\.\(.*\)"$/\1/p' Cargo.toml)
  [ "$(rustc --version | sed -E 's/^rustc 1\.([0-9]+).*/\1/')" -ge "$oldest" ] ||
    die "Rust 1.$oldest or newer is needed, this is $(rustc --version)"
  for target in $targets; do
    [ -d "$(rustc --print target-libdir --target "$target")" ] ||
      die "this Rust did not come from rustup; add its standard library for $target"
  done
fi

# rustc's address sanitizer is only in nightly.
if [ "${1:-}" = sanitize ] && ! cargo +nightly --version >/dev/null 2>&1; then
  echo "setup: installing Rust nightly"
  command -v rustup >/dev/null || die "the sanitizers need Rust nightly, installed by rustup"
  rustup toolchain install nightly --profile minimal
fi

# ---- An S3 server for the tests of remote caches, in an environment of its own ---------------------------------------

# The versions are part of the folder's stamp, so that a change installs anew.
moto=build-tools/moto
wanted='moto[s3]==5.2.5 flask==3.1.3 flask-cors==6.0.5'
if [ "$(cat "$moto/installed" 2>/dev/null)" != "$wanted" ]; then
  echo "setup: installing $wanted"
  rm -rf "$moto"
  /usr/bin/python3 -m venv "$moto"
  # shellcheck disable=SC2086 # one word a package
  "$moto/bin/pip" install --quiet --disable-pip-version-check $wanted || die "pip could not install: $wanted"
  echo "$wanted" >"$moto/installed"
fi
