#!/usr/bin/env bash
# must-fail.sh PATTERN COMMAND...: COMMAND fails, and says why in words that match PATTERN.
set -uo pipefail
pattern=$1
shift
if output=$("$@" 2>&1); then
  echo "did not fail: $*"
  exit 1
fi
if ! grep -qE -e "$pattern" <<<"$output"; then
  printf 'failed without saying "%s":\n%s\n' "$pattern" "$output"
  exit 1
fi
