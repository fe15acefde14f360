#!/bin/sh
# Builds every test guest: tests/guests/build.sh OUTDIR leaves OUTDIR/NAME.wasm. Fast when nothing has changed.
# The guests in wat/ are text that the tests load as it is.
set -eu
if [ $# -ne 1 ]; then
  echo "usage: $0 OUTDIR" >&2
  exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
include=$here/../../include
clang=${GUEST_CLANG:-clang-22}

# What was set for the host's code (sanitizers, a target) is not for a guest.
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_RUSTFLAGS CARGO_BUILD_TARGET CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS

# Puts a finished guest in its place, all at once, and only if it differs: what depends on it stays fresh.
install_guest() {
  if ! cmp -s "$1" "$2"; then
    cp "$1" "$2.new.$$"
    mv "$2.new.$$" "$2"
    echo "built $2"
  fi
}

# An import's module name stands in the file as it is. A guest that wants WASI cannot run without it.
refuse_wasi() {
  if grep -aq wasi_snapshot_preview1 "$1"; then
    echo "$0: $1 imports WASI; a test guest must not" >&2
    exit 1
  fi
}

(cd "$here" && CARGO_TARGET_DIR=$out/rust cargo build --release --locked --target wasm32-unknown-unknown)
for name in echo holochain hosted markdown; do
  built=$out/rust/wasm32-unknown-unknown/release/$name.wasm
  refuse_wasi "$built"
  install_guest "$built" "$out/$name.wasm"
done

mkdir -p "$out/c"
for name in cguest chost secrets; do
  source=$here/c/$name.c
  built=$out/c/$name.wasm
  newest=$(ls -t "$source" "$include/hostel_guest.h" "$here/build.sh" "$built" 2>/dev/null | head -n 1)
  if [ "$newest" != "$built" ]; then
    # clang calls wasm32-wasi an old name; Debian's wasi-libc is found by it alone.
    "$clang" --target=wasm32-wasi -Wno-deprecated -mexec-model=reactor -std=c99 -Os -Wall -Wextra -Wpedantic -Werror \
      -I "$include" -Wl,--strip-all "$source" -o "$built.new.$$"
    refuse_wasi "$built.new.$$"
    mv "$built.new.$$" "$built"
  fi
  install_guest "$built" "$out/$name.wasm"
done
