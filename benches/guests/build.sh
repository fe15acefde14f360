#!/bin/sh
# Builds the guests of the benchmarks: benches/guests/build.sh OUTDIR leaves OUTDIR/sqlite.wasm, OUTDIR/sqlite-extism.wasm and
# OUTDIR/kernels.wasm, and OUTDIR/kernels.so: the same for this machine.
# SQLite's sources come with the crate libsqlite3-sys.
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

cargo fetch --quiet --locked --manifest-path "$here/Cargo.toml"
sqlite=$(cargo metadata --locked --format-version 1 --manifest-path "$here/Cargo.toml" |
  tr ',' '\n' | sed -n 's|.*"manifest_path":"\(.*/libsqlite3-sys-[^/]*\)/Cargo.toml".*|\1/sqlite3|p' | head -n 1)
if [ ! -f "$sqlite/sqlite3.c" ]; then
  echo "$0: the crate libsqlite3-sys has no sqlite3/sqlite3.c" >&2
  exit 1
fi

# SQLite itself, once for both guests: no files, no threads, no clock.
object=$out/sqlite3.o
wasm="$clang --target=wasm32-wasi -Wno-deprecated -O2 -I $sqlite -I $include"
if [ ! -f "$object" ] || [ "$here/build.sh" -nt "$object" ] || [ "$sqlite/sqlite3.c" -nt "$object" ]; then
  $wasm -w -DSQLITE_OS_OTHER=1 -DSQLITE_THREADSAFE=0 -DSQLITE_TEMP_STORE=3 -DSQLITE_DQS=0 -DSQLITE_OMIT_LOAD_EXTENSION \
    -DSQLITE_OMIT_LOCALTIME -DSQLITE_OMIT_WAL -DSQLITE_ENABLE_FTS5 -DSQLITE_ENABLE_RTREE \
    -c "$sqlite/sqlite3.c" -o "$object"
fi

guest() {
  newest=$(ls -t "$here"/*.c "$object" "$include/hostel_guest.h" "$2" 2>/dev/null | head -n 1)
  if [ "$newest" != "$2" ]; then
    $wasm -mexec-model=reactor -std=c99 -Wall -Wextra -Werror -Wl,--strip-all "$1" "$object" -o "$2.new"
    if grep -aq wasi_snapshot_preview1 "$2.new"; then
      echo "$0: $2 imports WASI; a guest of the benchmarks must not" >&2
      exit 1
    fi
    mv "$2.new" "$2"
    echo "built $2"
  fi
}
guest "$here/sqlite.c" "$out/sqlite.wasm"
guest "$here/extism.c" "$out/sqlite-extism.wasm"

kernels=$out/kernels.wasm
if [ ! -f "$kernels" ] || [ "$here/kernels.c" -nt "$kernels" ]; then
  $clang --target=wasm32 -O2 -std=c99 -Wall -Wextra -Werror -ffreestanding -nostdlib -Wl,--no-entry -Wl,--strip-all \
    "$here/kernels.c" -o "$kernels"
  echo "built $kernels"
fi
native=$out/kernels.so
if [ ! -f "$native" ] || [ "$here/kernels.c" -nt "$native" ]; then
  $clang -O2 -std=c99 -Wall -Wextra -Werror -fPIC -shared "$here/kernels.c" -o "$native"
  echo "built $native"
fi
