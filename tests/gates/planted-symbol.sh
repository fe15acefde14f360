#!/usr/bin/env bash
# planted-symbol.sh CC LIBRARY.a SYMBOLS: the symbols gate fails when the archive exports one symbol more.
set -euo pipefail
cc=$1 library=$2 symbols=$3
gates=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo 'int leaked_symbol(void) { return 0; }' | "$cc" -x c -c - -o "$work/plant.o"
cp "$library" "$work/libhostel.a"
ar r "$work/libhostel.a" "$work/plant.o"
"$gates/must-fail.sh" '^\+leaked_symbol$' "$gates/symbols.sh" "$work/libhostel.a" "$symbols"
