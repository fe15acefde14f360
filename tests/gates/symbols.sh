#!/usr/bin/env bash
# symbols.sh LIBRARY SYMBOLS: LIBRARY exports what SYMBOLS lists, no more and no less.
set -euo pipefail
export LC_ALL=C
library=$1 symbols=$2
scope=--extern-only
[[ $library == *.so ]] && scope=--dynamic
nm "$scope" --defined-only "$library" | awk 'NF == 3 { print $3 }' | sort | diff -u "$symbols" -
