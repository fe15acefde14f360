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

# Crate holochain_wasmer_guest declares the host's functions without saying that they are imports; since Rust 1.96 the linker has
# to be told.
(cd "$here" && CARGO_TARGET_DIR=$out/rust CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS=-Clink-arg=--allow-undefined \
  cargo build --release --locked --target wasm32-unknown-unknown)
for name in echo holochain hosted markdown; do
  built=$out/rust/wasm32-unknown-unknown/release/$name.wasm
  refuse_wasi "$built"
  install_guest "$built" "$out/$name.wasm"
done

(cd "$here" && CARGO_TARGET_DIR=$out/rust cargo build --release --locked --target wasm32-wasip1 -p program)
install_guest "$out/rust/wasm32-wasip1/release/program.wasm" "$out/wasi_rust.wasm"

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

# ---- Programs of WASI, and guests that also use it -----------------------------------------------------------------------------

# SQLite and QuickJS come with crates, of which nothing is built.
sources=$here/sources/Cargo.toml
folders=$out/c/folders
if [ ! -f "$folders" ] || [ "$sources" -nt "$folders" ] || [ "$here/sources/Cargo.lock" -nt "$folders" ]; then
  cargo fetch --quiet --locked --manifest-path "$sources"
  cargo metadata --locked --format-version 1 --manifest-path "$sources" |
    tr ',' '\n' | sed -n 's|.*"manifest_path":"\(.*\)/Cargo.toml".*|\1|p' >"$folders.new"
  mv "$folders.new" "$folders"
fi
sqlite=$(sed -n '/\/libsqlite3-sys-[^/]*$/s|$|/sqlite3|p' "$folders")
quickjs=$(sed -n '/\/rquickjs-sys-[^/]*$/s|$|/quickjs|p' "$folders")

# object NAME SOURCE FLAGS...: compiles one file of theirs, whose warnings are theirs.
object() {
  object=$out/c/$1.o
  source=$2
  shift 2
  if [ ! -f "$object" ] || [ "$folders" -nt "$object" ] || [ "$here/build.sh" -nt "$object" ]; then
    "$clang" --target=wasm32-wasi -Wno-deprecated -w "$@" -c "$source" -o "$object.new.$$"
    mv "$object.new.$$" "$object"
  fi
}
object sqlite3 "$sqlite/sqlite3.c" -Oz -DSQLITE_THREADSAFE=0 -DSQLITE_OMIT_LOAD_EXTENSION -DSQLITE_OMIT_WAL
for part in quickjs libregexp libunicode dtoa; do
  object "$part" "$quickjs/$part.c" -Os -D_GNU_SOURCE
done

# wasi_guest NAME SOURCE INPUTS...: with clang's arguments behind "--".
wasi_guest() {
  built=$out/c/$1.wasm
  name=$1
  source=$here/wasi/$2.c
  shift 2
  newest=$(ls -t "$source" "$include/hostel_guest.h" "$here/build.sh" "$folders" "$built" 2>/dev/null | head -n 1)
  if [ "$newest" != "$built" ]; then
    "$clang" --target=wasm32-wasi -Wno-deprecated -std=c11 -Os -Wall -Wextra -Wpedantic -Werror -I "$include" -Wl,--strip-all \
      "$source" "$@" -o "$built.new.$$"
    mv "$built.new.$$" "$built"
  fi
  install_guest "$built" "$out/$name.wasm"
}
wasi_guest wasi_command wasi_command
wasi_guest wasi_reactor wasi_reactor -mexec-model=reactor -D_GNU_SOURCE
wasi_guest wasi_reactor_clock wasi_reactor -mexec-model=reactor -D_GNU_SOURCE -DSTART_READS_CLOCK
wasi_guest wasi_sqlite wasi_sqlite -isystem "$sqlite" "$out/c/sqlite3.o"
wasi_guest wasi_quickjs wasi_quickjs -isystem "$quickjs" -Wl,-z,stack-size=1048576 "$out/c/quickjs.o" "$out/c/libregexp.o" \
  "$out/c/libunicode.o" "$out/c/dtoa.o"

# Go keeps track of what is out of date. GOTOOLCHAIN: the one that is there, whatever go.mod or the environment says.
go=${GUEST_GO:-/usr/lib/go-1.23/bin/go}
built=$out/c/wasi_go.wasm
newest=$(ls -t "$here"/go/* "$here/build.sh" "$built" 2>/dev/null | head -n 1)
if [ "$newest" != "$built" ]; then
  (cd "$here/go" && GOTOOLCHAIN=local GOFLAGS= GOPROXY=off GOCACHE=$out/go GOOS=wasip1 GOARCH=wasm \
    "$go" build -trimpath -ldflags='-s -w' -o "$built.new.$$" .)
  mv "$built.new.$$" "$built"
fi
install_guest "$built" "$out/wasi_go.wasm"
