#!/usr/bin/env bash
# misformatted-file.sh CLANG_FORMAT: the format gate fails on a file that is not formatted.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo 'int  main( void ){return 0;}' >"$work/plant.c"
cp .clang-format "$work"
"$(dirname "$0")/must-fail.sh" 'clang-format-violations' "$1" --dry-run -Werror "$work/plant.c"
