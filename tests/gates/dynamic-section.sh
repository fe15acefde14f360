#!/usr/bin/env bash
# dynamic-section.sh READELF LIBRARY.so SONAME: programs bind to SONAME, and the library is never unloaded.
set -euo pipefail
readelf=$1 library=$2 soname=$3
section=$("$readelf" --dynamic --wide "$library")
grep -qF "soname: [$soname]" <<<"$section" || { echo "no SONAME $soname"; exit 1; }
grep -qE 'FLAGS_1.*NODELETE' <<<"$section" || { echo "not marked NODELETE"; exit 1; }
