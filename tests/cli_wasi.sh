#!/bin/bash
# cli_wasi.sh BUILD_DIR: `hostel call` of programs of WASI: --dir, --env, --arg, and what comes of their exit codes.
set -u
hostel=$(realpath "$1")/hostel guests=$(realpath "$1")/guests
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
passed=0 failed=0
rust=$guests/wasi_rust.wasm

check() {
  local what=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
    return
  fi
  failed=$((failed + 1))
  echo "FAILED line ${BASH_LINENO[1]}: $what (exit status $status)"
  head -c 2000 err | sed 's/^/    /'
}

# run STATUS ARGUMENTS...: `hostel call` ends with this exit status. Its input is empty, or the file that `feed` names.
run() {
  local wanted=$1
  shift
  timeout 240 "$hostel" call "$@" <"${feed:-/dev/null}" >out 2>err
  status=$?
  check "exit status $wanted" [ "$status" -eq "$wanted" ]
}

prints() { check "prints $(printf '%q' "$1")" cmp -s <(printf '%s' "$1") out; }
silent() { check "nothing on standard error" [ ! -s err ]; }
fails() { check "the last line begins: hostel: $1: " grep -q "^hostel: $1: ." <(tail -n 1 err); }
complains() { check "says $1" grep -qe "^hostel: .*$1" err; }

mkdir dir other
head -c 32 /dev/urandom >key
chmod 600 key
mkfifo fifo
exec 8<>fifo
printf 'some text' >dir/file
printf 'hello' >input

for engine in $("$hostel" engines); do
  on=(--engine "$engine" --cache compiled --key key) # LLVM takes seconds for some
  feed=input run 0 "${on[@]}" "$guests/wasi_command.wasm"
  prints HELLO
  silent
  run 0 "${on[@]}" --text hello "$guests/wasi_command.wasm" _start
  prints HELLO
  run 0 "${on[@]}" --arg args --arg 'two words' --arg '' "$rust"
  prints $'args\ntwo words\n\n'
  run 0 "${on[@]}" --arg env --env A=1 --env B=x=y --env C= "$rust"
  prints $'A=1\nB=x=y\nC=\n'
  run 0 "${on[@]}" --arg read --arg /data/file --dir dir::/data "$rust"
  prints 'some text'
  run 0 "${on[@]}" --arg write --arg /data/new --arg words --dir dir::/data::ro --dir other::/data/ "$rust"
  check "written where it may be" [ "$(cat other/new)" = words ]
  rm other/new
  run 1 "${on[@]}" --arg write --arg /data/new --arg words --dir dir::/data::ro "$rust"
  fails EXIT
  check "not written" [ ! -e dir/new ]
  run 1 "${on[@]}" --arg read --arg /data/../input --dir dir::/data "$rust"
  fails EXIT
  run 1 "${on[@]}" --arg read --arg input "$rust"
  fails EXIT
  # A program's own exit code is passed on, with what it has written.
  run 7 "${on[@]}" --arg exit --arg 7 "$rust"
  prints 'so far'
  fails EXIT
  run 0 "${on[@]}" --arg exit --arg 0 "$rust"
  prints 'so far'
  silent
  run 1 "${on[@]}" --arg exit --arg 256 "$rust" # no process could end with it
  fails EXIT
  run 255 "${on[@]}" --arg exit --arg -1 "$rust"
  run 0 "${on[@]}" --arg complain --arg 'oh no' "$rust"
  check "complaints are on standard error" [ "$(cat err)" = 'oh no' ]
  run 1 "${on[@]}" --arg panic --arg 'line 1 before' --arg 'line 2 before' "$rust"
  prints $'line 1 before\nline 2 before\n' # what was written before is not lost
  fails TRAP
  run 1 "${on[@]}" --arg fill --arg 100001 --output-max 100000 "$rust"
  fails OUTPUT_TOO_LARGE
  check "as much of an output that is too large as may be" [ "$(wc -c <out)" -eq 100000 ]
  run 1 "${on[@]}" --arg sleep --arg 600000 --deadline-ms 50 "$rust"
  fails DEADLINE
  run 0 "${on[@]}" --arg self "$rust"
  prints $'wasi_rust.wasm\n'
  # A program reads its input as it goes: here the writer stays.
  echo Ann >&8
  feed=fifo run 0 "${on[@]}" --arg greet "$rust"
  prints 'name? hello Ann
'
  feed=fifo run 1 "${on[@]}" --arg greet --deadline-ms 50 "$rust"
  prints 'name? '
  fails DEADLINE
  run 0 "${on[@]}" --text Ann --arg greet "$rust"
  prints 'name? hello Ann
'
  run 0 "${on[@]}" --text 'print(6 * 7)' "$guests/wasi_quickjs.wasm"
  prints $'42\n'
  run 0 "${on[@]}" --arg /db/test.db --dir dir::/db --text 'create table if not exists t(x); insert into t values (1); select sum(x) > 0 from t;' "$guests/wasi_sqlite.wasm"
  prints $'1\n'
  run 0 "${on[@]}" --repeat 3 --each --text a --report report.json "$guests/wasi_command.wasm"
  prints $'A\nA\nA\n'
  check "the report names the ABI" grep -q '"abi": "command"' report.json
done

run 1 --abi command --text x "$guests/echo.wasm"
fails BAD_ABI
for wrong in dir dir:: ::/data dir::/data::rw dir::/data::ro::ro dir::::ro ''; do
  run 2 --dir "$wrong" "$rust"
  complains 'HOST::GUEST'
done
for wrong in A =1 ''; do
  run 2 --env "$wrong" "$rust"
  complains 'NAME=VALUE'
done
run 2 --arg
complains '--arg'
run 1 --dir nowhere::/data "$rust"
fails INVALID_ARGUMENT
run 1 --dir input::/data "$rust"
fails INVALID_ARGUMENT
# Any number of each.
many=(--arg args)
for i in {1..1000}; do many+=(--arg "$i" --env "N$i=x"); done
run 0 "${many[@]}" "$rust"
check "a thousand arguments arrive" [ "$(tail -n 1 out)" = 1000 ]
many=(--arg ls --arg /d100)
for i in {1..100}; do many+=(--dir "dir::/d$i"); done
run 0 "${many[@]}" "$rust"
check "the last of a hundred directories is there" grep -qx file out

# Who talks with a program hears it at once: its answer to each line, before the next is written.
mkfifo talk
for engine in $("$hostel" engines); do
  timeout 240 "$hostel" call --engine "$engine" --cache compiled --key key --arg converse "$rust" <talk >answers &
  exec 7>talk
  for word in one two; do
    echo "$word" >&7
    for ((i = 0; i < 12000; i++)); do
      grep -qs "hello $word" answers && break
      sleep 0.01
    done
    check "hears $word" grep -qs "hello $word" answers
  done
  exec 7>&-
  wait $!
  status=$?
  check "the conversation ends" [ "$status" -eq 0 ]
  check "all of it" [ "$(cat answers)" = $'hello one\nhello two' ]
done

# Input that is needed more than once, or not by a program, is read beforehand.
feed=input run 0 --repeat 3 --each "$guests/wasi_command.wasm"
prints $'HELLO\nHELLO\nHELLO\n'
feed=input run 0 "$guests/echo.wasm" echo
prints hello
# Without a standard input there is nothing to read, whatever is opened later.
closed() {
  local wanted=$1
  shift
  timeout 240 "$hostel" call "$@" <&- >out 2>err
  status=$?
  check "exit status $wanted" [ "$status" -eq "$wanted" ]
}
closed 0 --report report.json "$rust"
prints ''
closed 0 "$guests/echo.wasm" echo
prints ''

# What a program writes to standard error goes to a file as it is, and to a terminal without what that would obey.
colours=(--arg complain --arg $'\e[31mred \u202e\u009b' "$rust")
run 0 "${colours[@]}"
check "as it is" [ "$(cat err)" = $'\e[31mred \u202e\u009b' ]
on_terminal() { # ARGUMENTS...: what `hostel call` says at last, with standard error on a terminal
  python3 - "$hostel" call --engine wasmi "$@" <<'END' | tr -d '\r' | tail -n 1 >out
import os, pty, subprocess, sys
ours, theirs = pty.openpty()
program = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stderr=theirs)
os.close(theirs)
while True:
    try:
        more = os.read(ours, 65536)
    except OSError:
        break
    sys.stdout.buffer.write(more)
sys.exit(program.wait())
END
}
on_terminal "${colours[@]}"
prints '\u{1b}[31mred \u{202e}\u{9b}
'
on_terminal --raw-stderr "${colours[@]}"
prints $'\e[31mred \u202e\u009b\n'

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
