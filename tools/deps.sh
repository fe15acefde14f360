#!/usr/bin/env bash
# deps.sh: what the library is built from. Checks licences, sources and duplicates, and advisories where their database can be
# had; tells which engine has a newer release on its line. Writes the result into docs/security.md.
set -euo pipefail
cd "$(dirname "$0")/.."
version=0.20.2
deny=build-tools/deny/bin/cargo-deny
page=docs/security.md

if [ "$("$deny" --version 2>/dev/null)" != "cargo-deny $version" ]; then
  echo "deps: installing cargo-deny $version"
  cargo install cargo-deny --version "$version" --locked --quiet --root build-tools/deny --target-dir target/deny
  rm -rf target/deny
fi

failed=0
rows=()
# check NAME WORDS: one row of the result, by the exit status of cargo-deny.
check() {
  if output=$("$deny" --all-features --log-level error check --hide-inclusion-graph "$1" 2>&1); then
    rows+=("| $2 | passed |")
  else
    rows+=("| $2 | **failed** |")
    printf '%s\n' "$output"
    failed=1
  fi
}
check licenses "licences: all in the list of \`deny.toml\`"
check sources "sources: every package is from the public registry of Rust packages"
check bans "no wildcard versions"

twice=$(cargo tree --locked --all-features --edges normal --duplicates --depth 0 --prefix none | sed 's/ v.*//' | sort | uniq -c | awk '$1 > 1' | wc -l)
rows+=("| packages of which there are two versions or more | $twice |")

# Without a network that reaches the database, what is unknown is said to be unknown.
if "$deny" --all-features --log-level error fetch db >/dev/null 2>&1; then
  check advisories "advisories: none known for any package"
else
  rows+=("| advisories | not checked: their database could not be fetched |")
fi

# The engines and what serves WASI: in the lock file, and the newest that Cargo.toml would take.
updates=$(cargo update --dry-run --color never 2>&1)
for package in wasmtime wasmtime-wasi wiggle wasmer-compiler wasmer-compiler-cranelift wasmer-compiler-llvm wasmer-vm wasmi; do
  locked=$(awk -v want="name = \"$package\"" '$0 == want { getline; gsub(/"/, "", $3); print $3; exit }' Cargo.lock)
  newer=$(sed -n "s/^ *Updating $package v[^ ]* -> v\\([^ ]*\\).*/\\1/p" <<<"$updates")
  if [ -n "$newer" ]; then
    rows+=("| $package $locked | **$newer is there**: \`cargo update -p $package\` |")
  else
    rows+=("| $package $locked | newest of its line |")
  fi
done

{
  sed '/<!-- make deps -->/q' "$page"
  printf '\n%s, %s packages in `Cargo.lock`:\n\n| what | result |\n|---|---|\n' "$(date +%Y-%m-%d)" "$(grep -c '^name = ' Cargo.lock)"
  printf '%s\n' "${rows[@]}"
  printf '\n'
  sed -n '/<!-- end of make deps -->/,$p' "$page"
} >"$page.new"
mv "$page.new" "$page"
printf '%s\n' "${rows[@]}"
exit "$failed"
