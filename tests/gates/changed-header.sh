#!/usr/bin/env bash
# changed-header.sh HEADER CHECK...: CHECK fails on a copy of HEADER in which one digit was changed by hand.
set -euo pipefail
header=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sed 's/^#define HOSTEL_STATUS_INVALID_ARGUMENT 1$/#define HOSTEL_STATUS_INVALID_ARGUMENT 2/' "$header" >"$work/hostel.h"
"$(dirname "$0")/must-fail.sh" '^-#define HOSTEL_STATUS_INVALID_ARGUMENT 2$' "$@" "$work/hostel.h"
