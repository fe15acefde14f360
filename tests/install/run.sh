#!/usr/bin/env bash
# run.sh BUILD_DIR CC: installs, moves the installed tree, and builds and runs a project against it by CMake and by
# pkg-config, each with the shared and the static library.
set -euo pipefail
build=$1 cc=$2
here=$(cd "$(dirname "$0")" && pwd)
work=$build/install-test
rm -rf "$work"
mkdir -p "$work/project"
cp "$here/main.c" "$here/CMakeLists.txt" "$work/project"

cmake --install "$build" --prefix "$work/first" >"$work/install.log"
mv "$work/first" "$work/moved"
cd "$work/project"

echo "== CMake"
cmake -S . -B out -DCMAKE_PREFIX_PATH="$work/moved" -DCMAKE_C_COMPILER="$cc" >"$work/cmake.log"
cmake --build out >>"$work/cmake.log" || { cat "$work/cmake.log"; exit 1; }
out/shared
out/static

echo "== pkg-config"
export PKG_CONFIG_PATH=$work/moved/lib/pkgconfig
"$cc" main.c $(pkg-config --cflags --libs hostel) -o pc-shared
LD_LIBRARY_PATH=$work/moved/lib ./pc-shared
libs=$(pkg-config --static --libs hostel)
"$cc" main.c $(pkg-config --cflags hostel) ${libs/-lhostel/-l:libhostel.a} -o pc-static
./pc-static

needs() { readelf -d "$1" | grep -q 'NEEDED.*libhostel.so.0'; }
for program in out/shared pc-shared; do
  needs "$program" || { echo "$program does not use the shared library"; exit 1; }
done
for program in out/static pc-static; do
  if needs "$program"; then echo "$program uses the shared library"; exit 1; fi
done

if [ -x "$work/moved/bin/hostel" ]; then
  echo "== the installed program"
  "$work/moved/bin/hostel" --version
fi
