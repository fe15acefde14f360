#!/usr/bin/env bash
# localise.sh IN.a OUT.a SYMBOLS: an archive of what SYMBOLS need, in which nothing else has a name a program could meet.
#
# rustc's archive exports the symbols of every crate in it; two Rust libraries in one program would then clash.
set -euo pipefail
in=$1 out=$2 symbols=$3
: "${LD:=ld}" "${OBJCOPY:=objcopy}" "${AR:=ar}"

[ -s "$symbols" ] || { echo "localise.sh: $symbols is missing or empty; run \`make header\`" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# --force-group-allocation dissolves COMDAT groups: a linker that prefers another library's copy of a group would throw
# away code that only our localised symbols lead to.
sed 's/^/-u /' "$symbols" >"$work/roots"
# --wrap: what LLVM would have done at the end of the process is forgotten (src/sys/exit.rs).
"$LD" -r --gc-sections --wrap=__cxa_atexit --force-group-allocation "@$work/roots" "$in" -o "$work/hostel.o"
# Rust's standard library carries its bitcode along (.llvmbc): no use here, and joined together it trips binutils' LLVM plugin.
"$OBJCOPY" --keep-global-symbols="$symbols" --remove-section=.llvmbc --remove-section=.llvmcmd "$work/hostel.o"
rm -f "$out"
"$AR" rcs "$out" "$work/hostel.o"
