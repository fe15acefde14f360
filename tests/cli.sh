#!/bin/bash
# The hostel program, seen from outside: exit statuses, what goes to which stream, and the last line on standard error.
# cli.sh BUILD_DIR, or cli.sh PROGRAM GUESTS_DIR. Prints what failed and how many of the checks did.
set -u
case $# in
1) hostel=$1/hostel guests=$1/guests ;;
2) hostel=$1 guests=$2 ;;
*)
  echo "usage: $0 BUILD_DIR | $0 PROGRAM GUESTS_DIR" >&2
  exit 2
  ;;
esac
[ -x "$hostel" ] || { echo "$0: $hostel is not a program" >&2; exit 2; }
[ -d "$guests" ] || { echo "$0: $guests is not a directory" >&2; exit 2; }
hostel=$(realpath "$hostel") guests=$(realpath "$guests")
wat=$(realpath "$(dirname "$0")")/guests/wat
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
passed=0 failed=0 command=
export HOME=$work/home XDG_CONFIG_HOME=$work/config # the user's own sealing key is left alone
echo=$guests/echo.wasm

python3 -c 'import sys; sys.stdout.buffer.write(bytes(range(256)) * 1000)' >bytes
python3 -c 'import sys; sys.stdout.buffer.write((bytes(range(256)) * 1000)[::-1])' >bytes-reversed

# ---- checks ----

# check WHAT COMMAND...: the command succeeds. A failure shows the last run of the program, and the line of this file.
check() {
  local what=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
    return
  fi
  failed=$((failed + 1))
  echo "FAILED line ${BASH_LINENO[1]}: $what"
  echo "  hostel $command"
  echo "  exit status $status; standard error:"
  head -c 2000 err | sed 's/^/    /'
  echo "  standard output:"
  head -c 300 out | od -c | head -n 8 | sed 's/^/    /'
}

# run STATUS ARGUMENTS...: the program ends with this exit status. Its input is empty, or the file that `feed` names.
run() {
  local wanted=$1
  shift
  command=$(printf '%q ' "$@")
  timeout 60 "$hostel" "$@" <"${feed:-/dev/null}" >out 2>err
  status=$?
  check "exit status $wanted" [ "$status" -eq "$wanted" ]
}

# prints BYTES: just these are on standard output, and nothing is on standard error.
prints() {
  printf '%s' "$1" >wanted
  check "prints $(printf '%q' "$1")" cmp -s wanted out
  check "nothing on standard error" [ ! -s err ]
}

# fails STATUS_NAME [MESSAGE]: nothing on standard output, and the last line on standard error is as promised.
fails() {
  local last
  last=$(tail -n 1 err)
  if [ $# -eq 2 ]; then
    check "the last line is: hostel: $1: $2" [ "$last" = "hostel: $1: $2" ]
  else
    check "the last line is: hostel: $1: and a message" grep -q "^hostel: $1: ." <<<"$last"
  fi
  check "the last line is complete" [ -z "$(tail -c 1 err)" ]
  check "nothing on standard output" [ ! -s out ]
}

# complains WORDS: one line on standard error, which names what is wrong; nothing on standard output.
complains() {
  check "one line on standard error" [ "$(wc -l <err)" -eq 1 ]
  check "it says: hostel: ... $1" grep -q "^hostel: .*$1" err
  check "nothing on standard output" [ ! -s out ]
}

# holds FILE EXPRESSION: the JSON in FILE is well-formed, and EXPRESSION holds for it (as `x`, in Python).
holds() {
  check "$1 is JSON" python3 -m json.tool "$1" /dev/null
  check "$1: $2" python3 -c 'import json, sys; x = json.load(open(sys.argv[1])); sys.exit(0 if eval(sys.argv[2]) else 1)' "$1" "$2"
}

says() { check "says $1" grep -qe "$1" "${2:-out}"; }

# ---- about the program ----

run 0 --version
says '^hostel [0-9]*\.[0-9]*\.[0-9]*$'
for help in --help -h "call --help" "call -h" "compile --help" "inspect --help" "engines --help" "call --text x --help" \
  "cache --help" "cache -h" "cache ls --help" "cache verify --help" "cache prune --help" "cache ls . -h"; do
  # shellcheck disable=SC2086 # two words
  run 0 $help
  says '^hostel '
  check "help goes to standard output" [ ! -s err ]
done
run 0 call --help
for option in --engine --abi --input --text --repeat --each --instance --fuel --deadline-ms --metered --deterministic --portable --memory --module-max --compile-ms --output-max --cache --trust --remote --remote-secret --remote-ca --remote-ms --key --progress \
  --json --report; do
  says "^  $option "
done
says '--abi .*auto.*hostel.*holochain'
run 0 compile --help
for option in --engine --key --metered --deterministic --portable --module-max --compile-ms --progress -o; do says "^  $option "; done
run 0 cache ls --help
says '^  --json '
run 0 cache verify --help
for option in --key --json; do says "^  $option "; done
run 0 cache prune --help
for option in --key --max-bytes; do says "^  $option "; done

run 0 engines
engines=$(cat out)
says '^cranelift$'
check "only names" [ -z "$(grep -v '^[a-z]*$' out)" ]
run 0 engines --json
holds out 'all(e["name"] and isinstance(e["lacks"], list) for e in x)'
holds out '[e["name"] for e in x if e["built"]] == """'"$engines"'""".split()'

# ---- wrong command lines ----

run 2
complains 'command is missing'
for line in nonsense --nonsense "--version now" "compile m.wasm" "compile -o m.artifact" cache "cache sl ." "cache . ls"; do
  # shellcheck disable=SC2086
  run 2 $line
  complains "${line%% *}"
done
for option in --fuels --deadline -o --dirs --config --colour --nonsense -x --fuels=5 --eachh --rep; do
  run 2 call "$option" 1 "$echo" echo
  complains "unknown option ${option%%=*};"
  run 2 call "$echo" echo "$option" 1
  complains "unknown option ${option%%=*};"
done
run 2 inspect --engine wasmi "$echo"
complains 'unknown option --engine'
run 2 compile --cache . "$echo" -o m.artifact
complains 'unknown option --cache'
run 2 compile "$echo"
complains '-o FILE is missing'
run 2 compile "$echo" -o
complains '-o needs a value'
for verb in ls verify prune; do
  run 2 cache $verb
  complains 'directory is missing'
  run 2 cache $verb no-such-directory
  complains 'cannot read no-such-directory'
  run 2 cache $verb "$echo"
  complains "cannot read $echo"
  run 2 cache $verb . .
  complains 'too much'
  run 2 cache $verb --nonsense .
  complains 'unknown option --nonsense'
done
check "nothing was made" [ ! -e no-such-directory ]
run 2 cache ls --key no.key .
complains 'unknown option --key'
run 2 cache verify --max-bytes 1 .
complains 'unknown option --max-bytes'
run 2 cache prune --json .
complains 'unknown option --json'
for number in '' 0 -1 1KB x; do
  run 2 cache prune --max-bytes "$number" .
  complains '--max-bytes needs a whole number'
done
run 2 engines --each
complains 'unknown option --each'
run 2 engines cranelift
complains 'cranelift'
run 2 call
complains 'module is missing'
run 2 inspect
complains 'module is missing'
run 2 inspect "$echo" "$echo"
complains 'too much'
run 2 call --text x "$echo" echo more
complains '"more"'
run 2 call --text x --input /dev/null "$echo" echo
complains '--input and --text'
run 2 call --remote redis://127.0.0.1 --text x "$echo" echo
complains '--remote needs --key'
run 2 call "$echo" echo --each=yes
complains '--each takes no value'
run 2 call "$echo" echo --json=yes
complains '--json takes no value'
for option in --engine --abi --input --text --repeat --fuel --deadline-ms --memory --output-max --cache --remote --remote-secret --remote-ca --remote-ms --key --report; do
  run 2 call "$echo" echo "$option"
  complains "\\$option needs a value"
done
for number in '' 0 -1 +1 1x ' 1' '1 ' 1.5 1e3 0x10 x -0 18446744073709551616 99999999999999999999999 17179869184G 1KK 1k 1KB K; do
  run 2 call --memory "$number" --text x "$echo" echo
  complains '--memory needs a whole number'
  run 2 call "--output-max=$number" --text x "$echo" echo
  complains '--output-max needs a whole number'
  run 2 call --repeat "$number" --text x "$echo" echo
  complains '--repeat needs a whole number'
done
run 2 call --repeat 1K --text x "$echo" echo
complains '--repeat needs a whole number'

# ---- files that cannot be read or written ----

for command_name in call inspect; do
  run 2 $command_name missing.wasm
  complains 'missing.wasm: No such file'
  run 2 $command_name .
  complains 'directory'
done
run 2 compile missing.wasm -o m.artifact
complains 'missing.wasm: No such file'
for output in missing/m.artifact .; do
  run 2 compile "$echo" -o "$output"
  complains "cannot write $output: "
done
run 2 call --input missing.txt "$echo" echo
complains 'missing.txt: No such file'
run 2 call --input . "$echo" echo
complains 'directory'
run 2 call --text x --report missing/report.json "$echo" echo
complains 'missing/report.json: No such file'
cp "$echo" closed.wasm
chmod 000 closed.wasm
if [ ! -r closed.wasm ]; then # root reads everything
  for command_name in call inspect; do
    run 2 $command_name closed.wasm
    complains 'closed.wasm: Permission denied'
  done
fi
mkfifo pipe
run 1 call --text x pipe echo # nobody writes to it: it is empty
fails INVALID_MODULE
run 0 call --input pipe "$echo" echo
prints ''
for key in pipe /dev/zero /dev/urandom; do
  run 2 compile --key "$key" "$echo" -o m.artifact
  complains "key file $key is no regular file"
done
truncate -s 1100M sparse.wasm
run 2 call --text x sparse.wasm echo
complains 'sparse.wasm: it is too large'
run 2 call --text x /dev/zero echo
complains '/dev/zero: it is too large'
run 2 inspect sparse.wasm
complains 'sparse.wasm: it is too large'
run 2 inspect /dev/zero
complains '/dev/zero: it is too large'
run 2 call --memory 16M --input /dev/zero "$echo" echo
complains '/dev/zero: it is too large'
feed=/dev/zero run 2 call --memory 16M "$echo" echo
complains 'standard input: it is too large'
run 2 call --module-max 100 --text x "$echo" echo
complains 'echo.wasm: it is too large'
run 0 call --module-max "$(stat -c %s "$echo")" --text x "$echo" echo
prints x
run 2 compile --module-max 1K "$echo" -o m.artifact
complains 'echo.wasm: it is too large'
run 1 call --module-max 2G --text x "$echo" echo # more than the library allows
fails INVALID_ARGUMENT
check "no artifact" [ ! -e m.artifact ]
run 1 compile --compile-ms 1 "$guests/markdown.wasm" -o m.artifact
fails DEADLINE
run 0 compile --compile-ms 600000 "$guests/markdown.wasm" -o m.artifact
rm m.artifact
if [ -e /dev/full ]; then
  command='call ... >/dev/full'
  "$hostel" call --text x "$echo" echo >/dev/full 2>err
  status=$?
  check "exit status 2 when the output cannot be written" [ "$status" -eq 2 ]
  check "it says so" grep -q '^hostel: cannot write standard output' err
fi

# ---- sealing keys ----

key() { head -c "$2" /dev/urandom >"$1" && chmod "$3" "$1"; }
key good.key 32 600
key other.key 32 400
key short.key 31 600
key long.key 33 600
: >empty.key
chmod 600 empty.key
for mode in 644 640 620 604 610 601; do key "open-$mode.key" 32 "$mode"; done
for command_line in "call --text x $echo echo" "compile $echo -o m.artifact"; do
  for name in short long empty; do
    # shellcheck disable=SC2086
    run 2 $command_line --key $name.key
    complains "$name.key .*32 bytes"
  done
  for mode in 644 640 620 604 610 601; do
    # shellcheck disable=SC2086
    run 2 $command_line --key open-$mode.key
    complains "open-$mode.key .*0600"
  done
  # shellcheck disable=SC2086
  run 2 $command_line --key missing.key
  complains 'missing.key: No such file'
  # shellcheck disable=SC2086
  run 2 $command_line --key .
  complains 'directory'
done
check "no artifact without a key" [ ! -e m.artifact ]

# ---- inspect ----

run 0 inspect "$echo"
holds out 'x["kind"] == "core" and x["abi"] == "hostel" and len(x["key"]) == 64 and x["resettable"] is True'
holds out 'any(e["name"] == "reverse" for e in x["exports"]) and x["imports"][0]["name"] == "hostel_fail"'
holds out 'isinstance(x["memories"], list)'
printf '(module (func (export "a\\c2\\9b31m\\e2\\80\\aeb\\d8\\9c\\e2\\81\\a6\\7f\\e2\\80\\a8")))' >odd.wat
run 0 inspect odd.wat
holds out 'x["exports"][0]["name"] == "a\u009b31m\u202eb\u061c\u2066\u007f\u2028"'
check "nothing that a terminal would obey" [ -z "$(LC_ALL=C grep -n '[^ -~]' out)" ]
run 1 call --text x odd.wat $'no\u009b31m\u202e\e[1m'
check "nor in messages" [ -z "$(LC_ALL=C grep -n '[^ -~]' err)" ]
run 0 inspect "$wat/missing_imports.wat"
holds out '[i["name"] for i in x["imports"]] == ["first", "second", "third"]'
head -c 100 "$echo" >cut.wasm
run 1 inspect cut.wasm
fails INVALID_MODULE
printf '(module (func (export "f") (result i32)))' >wrong.wat
printf 'no module' >no.wat
: >empty.wasm
for module in wrong.wat no.wat bytes empty.wasm; do
  run 1 inspect "$module"
  fails INVALID_MODULE
done

# ---- calls, on every engine ----

for engine in $engines; do
  on=(call --engine "$engine")

  # Where the input comes from, and that bytes are bytes.
  run 0 "${on[@]}" --text 'hello, hostel' "$echo" reverse
  prints 'letsoh ,olleh'
  run 0 "${on[@]}" --text '' "$echo" echo
  prints ''
  feed=bytes run 0 "${on[@]}" "$echo" reverse
  check "the output of standard input" cmp -s out bytes-reversed
  feed=bytes run 0 "${on[@]}" --text abc "$echo" reverse
  prints cba
  run 0 "${on[@]}" --input bytes "$echo" reverse
  check "the output of --input" cmp -s out bytes-reversed
  run 0 "${on[@]}" "$echo" echo
  prints ''

  # Ways to write a command line.
  run 0 call "$echo" reverse --text=ab=c "--engine=$engine"
  prints 'c=ba'
  run 0 "${on[@]}" --text --each "$echo" reverse
  prints 'hcae--'
  run 0 "${on[@]}" --text first --text second "$echo" echo
  prints second
  cp "$echo" ./-dash.wasm
  run 0 "${on[@]}" --text x -- -dash.wasm echo
  prints x

  # What a module may be.
  run 0 "${on[@]}" "$wat/initialize.wat" f
  check "a WAT guest's output" [ "$(od -An -tu1 <out | tr -s ' ')" = ' 1 0 0 0' ]
  for name in 'größe' 'two words' ' ' 'say "hi"' $'line\nbreak' ''; do
    run 0 "${on[@]}" "$wat/odd_names.wat" "$name"
    prints ok
  done
  run 0 "${on[@]}" --text x <(cat "$echo") echo # a pipe gives its bytes once
  prints x
  run 0 "${on[@]}" --abi auto --text x "$echo" echo
  prints x
  run 0 "${on[@]}" --abi hostel --text x "$echo" echo
  prints x

  # Another ABI, told or not, and JSON for guests that speak MessagePack.
  holochain=$wat/hc_echo.wat
  run 0 "${on[@]}" --text $'\xa2hi' "$holochain" f
  prints $'\xa2hi'
  run 0 "${on[@]}" --abi holochain --text $'\xa2hi' "$holochain" f
  prints $'\xa2hi'
  run 1 "${on[@]}" --abi hostel --text x "$holochain" f
  fails BAD_ABI
  run 1 "${on[@]}" --abi holochain --text x "$echo" echo
  fails BAD_ABI
  run 1 "${on[@]}" --text x "$holochain" no
  fails GUEST_ERROR
  says 'p:7: .*no room' err
  run 1 "${on[@]}" "$guests/holochain.wasm" text
  fails LINK_ERROR
  says __hc__answer_1 err
  for value in null true '"gr\u00fc\u00df"' '[1,-2,3.5,{"a":{"b":[]}}]' 18446744073709551615 -9223372036854775808; do
    run 0 "${on[@]}" --json --text "$value" "$holochain" f
    check "$value comes back" python3 -c 'import json, sys; sys.exit(json.load(open("out")) != json.loads(sys.argv[1]))' "$value"
  done
  run 0 "${on[@]}" --json --text ' [ 1, "x" ] ' "$holochain" f
  prints '[1,"x"]'
  run 0 "${on[@]}" --json --text 0 --repeat 3 --each --instance "$holochain" count
  prints $'1\n2\n3\n'
  printf '{"rooms": [1, 2]}' >input.json
  feed=input.json run 0 "${on[@]}" --json "$holochain" f
  prints '{"rooms":[1,2]}'
  run 0 "${on[@]}" --json --input input.json --report report.json "$holochain" f
  holds report.json "(x['abi'], x['input_bytes'], x['output_bytes']) == ('holochain', 10, 10)" # as the guest has them
  for value in '' x '{' '[1,]' '{"a":1,"a":2}' 18446744073709551616 NaN '1 2'; do
    run 2 "${on[@]}" --json --text "$value" "$holochain" f
    complains 'not JSON'
  done
  feed=bytes run 2 "${on[@]}" --json "$holochain" f
  complains 'not JSON'
  run 1 "${on[@]}" --json --text 0 "$holochain" nan
  fails INVALID_ARGUMENT
  run 1 "${on[@]}" --json --text 0 "$holochain" no
  fails GUEST_ERROR

  # Repeated calls. The counter answers with 8 bytes, the lowest first.
  counts() { check "counts $1" [ "$(python3 -c 'import sys; b = open("out", "rb").read()
print(*(b[i] for i in range(0, len(b), int(sys.argv[1]))), end=" "); print(len(b) % int(sys.argv[1]), b.endswith(b"\n"))' "$2")" = "$1" ]; }
  run 0 "${on[@]}" --repeat 3 "$echo" counter
  counts '1 0 False' 8
  run 0 "${on[@]}" --repeat 3 --instance "$echo" counter
  counts '3 0 False' 8
  run 0 "${on[@]}" --repeat 3 --each "$echo" counter
  counts '1 1 1 0 True' 9
  run 0 "${on[@]}" --repeat 3 --each --instance "$echo" counter
  counts '1 2 3 0 True' 9
  run 0 "${on[@]}" --instance "$echo" counter
  counts '1 0 False' 8
  run 0 "${on[@]}" --repeat 3 --text abc "$echo" reverse
  prints cba
  run 0 "${on[@]}" --repeat 3 --each --text abc "$echo" reverse
  prints $'cba\ncba\ncba\n'
  run 0 "${on[@]}" --each --text abc "$echo" reverse
  prints $'cba\n'
  run 0 "${on[@]}" --each --repeat 2 "$echo" echo
  prints $'\n\n'

  # Failures: the status, and the last line.
  run 1 "${on[@]}" --text sorry "$echo" fail
  fails GUEST_ERROR 'the guest said no: sorry'
  run 1 "${on[@]}" --text $'two\nlines' "$echo" fail
  fails GUEST_ERROR 'the guest said no: two\nlines'
  run 1 "${on[@]}" --text $'\e[31mred\r' "$echo" fail
  fails GUEST_ERROR 'the guest said no: \u{1b}[31mred\r'
  run 1 "${on[@]}" "$echo" panic
  fails TRAP
  run 1 "${on[@]}" "$echo" recurse
  fails STACK_OVERFLOW
  run 1 "${on[@]}" "$echo" nonsense
  fails NO_SUCH_FUNCTION
  run 1 "${on[@]}" "$echo"
  fails NO_SUCH_FUNCTION
  run 1 "${on[@]}" "$wat/wrong_types.wat" floats
  fails BAD_ABI
  run 1 "${on[@]}" "$wat/no_alloc.wat" f
  fails BAD_ABI
  run 1 "${on[@]}" "$wat/missing_imports.wat" f
  fails LINK_ERROR
  for name in nowhere.first nowhere.second elsewhere.third; do says "$name" err; done
  for module in cut.wasm wrong.wat no.wat empty.wasm; do
    run 1 "${on[@]}" "$module" f
    fails INVALID_MODULE
  done
  run 1 "${on[@]}" "$wat/shared_memory.wat" f
  fails UNSUPPORTED_MODULE
  run 1 "${on[@]}" --abi nonsense "$echo" echo
  fails INVALID_ARGUMENT
  run 1 "${on[@]}" --instance "$wat/start_traps.wat" f
  fails TRAP
  run 1 "${on[@]}" --repeat 2 --instance "$echo" panic
  fails TRAP

  # Limits.
  run 1 "${on[@]}" --memory 65536 --text x "$echo" echo
  fails MEMORY_LIMIT
  run 0 "${on[@]}" --memory 64K "$wat/grow_two.wat" f
  prints no
  run 0 "${on[@]}" --memory 192K "$wat/grow_two.wat" f
  prints '!'
  run 1 "${on[@]}" "$wat/huge_memory.wat" f
  fails MEMORY_LIMIT
  run 0 "${on[@]}" --memory 1G "$wat/huge_memory.wat" f
  prints ''
  run 1 "${on[@]}" --memory 8G --text x "$echo" echo
  fails INVALID_ARGUMENT
  run 1 "${on[@]}" --output-max 4 --text hello "$echo" echo
  fails OUTPUT_TOO_LARGE
  run 0 "${on[@]}" --output-max 5 --text hello "$echo" echo
  prints hello

  # Limits: a guest that never ends ends all the same, and what a call has used is the same on every engine.
  run 1 "${on[@]}" --deadline-ms 50 --report report.json "$wat/endless.wat" spin
  fails DEADLINE
  holds report.json "x['status'] == 'DEADLINE' and x['room_us'] + x['call_us'] >= 49000 and x['fuel_used'] is None"
  run 1 "${on[@]}" --fuel 12345 --report report.json "$wat/endless.wat" spin
  fails OUT_OF_FUEL
  holds report.json "(x['status'], x['fuel_used']) == ('OUT_OF_FUEL', 12345)"
  run 0 "${on[@]}" --fuel 1000000 --deadline-ms 60000 --report report.json --text 1234567890 "$wat/endless.wat" sum
  holds report.json "(x['status'], x['fuel_used']) == ('OK', 179)"
  run 0 "${on[@]}" --metered --report report.json --text 1234567890 "$wat/endless.wat" sum
  holds report.json "x['fuel_used'] == 179 and x['memory_peak_bytes'] == 65536"
  run 1 "${on[@]}" --instance --fuel 1000 --repeat 2 "$wat/endless.wat" spin
  fails OUT_OF_FUEL
  run 0 compile --engine "$engine" "$wat/endless.wat" -o plain.artifact
  run 0 compile --engine "$engine" --metered "$wat/endless.wat" -o metered.artifact
  run 0 "${on[@]}" --fuel 1000 metered.artifact sum
  run 1 "${on[@]}" --fuel 1000 plain.artifact sum
  fails ARTIFACT_MISMATCH

  # The report.
  keys='status engine abi cache room fuel_used load_us room_us call_us memory_peak_bytes input_bytes output_bytes'
  run 0 "${on[@]}" --report report.json --repeat 2 --text hello "$echo" echo
  holds report.json "set('$keys'.split()) <= set(x)"
  holds report.json "(x['status'], x['engine'], x['abi'], x['cache'], x['room']) == ('OK', '$engine', 'hostel', 'compiled', 'new')"
  run 0 "${on[@]}" --report report.json --repeat 4 --text hello "$echo" echo
  "$hostel" engines --json >engines.json
  resets=$(python3 -c 'import json, sys; print(any("resets" in x["has"] for x in json.load(sys.stdin) if x["name"] == sys.argv[1]))' "$engine" <engines.json)
  holds report.json "(x['room'] == 'reset') == $resets"
  holds report.json "x['load_us'] > 0 and x['call_us'] > 0 and (x['input_bytes'], x['output_bytes']) == (5, 5)"
  run 1 "${on[@]}" --report report.json "$echo" panic
  fails TRAP
  holds report.json "(x['status'], x['engine'], x['output_bytes']) == ('TRAP', '$engine', 0)"
  run 1 "${on[@]}" --report report.json no.wat f
  holds report.json "x['status'] == 'INVALID_MODULE' and set('$keys'.split()) <= set(x)"

  # A cache: what one run compiled, the next one finds, if it has the key.
  from() { holds report.json "(x['status'], x['engine'], x['cache']) == ('OK', '$engine', '$1')"; }
  for where in "--cache cache-$engine" "--cache keyed-$engine --key good.key"; do
    for origin in compiled directory; do
      # shellcheck disable=SC2086
      run 0 "${on[@]}" $where --report report.json --text abc "$echo" reverse
      prints cba
      from "$origin"
    done
  done
  run 0 "${on[@]}" --cache "keyed-$engine" --key other.key --report report.json --text abc "$echo" reverse
  prints cba
  from compiled
  run 0 "${on[@]}" --cache "cache-$engine" --report report.json "$wat/initialize.wat" f
  from compiled
  run 0 "${on[@]}" --cache "cache-$engine" --report report.json <(cat "$wat/initialize.wat") f
  from directory
  mkdir -p -m 777 open-cache
  run 1 "${on[@]}" --cache open-cache --report report.json --text x "$echo" echo
  fails CACHE_IO
  holds report.json "(x['status'], x['cache']) == ('CACHE_IO', 'none')"

  # Progress: never on its own where standard error is no terminal, and out of the way of the last line.
  run 0 "${on[@]}" --progress --text abc "$echo" reverse
  check "the output is the guest's alone" [ "$(cat out)" = cba ]
  says 'compiling \[#*\] 100%' err
  check "the bar is the only line" [ "$(wc -l <err)" -eq 1 ]
  run 1 "${on[@]}" --progress "$echo" panic
  says '100%' err
  fails TRAP
  run 1 "${on[@]}" --progress no.wat f
  fails INVALID_MODULE
  run 0 "${on[@]}" --cache "cache-$engine" --progress --text abc "$echo" reverse
  prints cba
  run 0 compile --engine "$engine" --progress "$echo" -o progress.artifact
  says 'compiling .*100%' err
  check "nothing on standard output" [ ! -s out ]
  run 0 "${on[@]}" --progress --text abc progress.artifact reverse
  prints cba

  # Looking after a cache: what it holds, what is damaged or foreign, what can go.
  for verb in ls verify prune; do
    run 1 cache $verb open-cache
    fails CACHE_IO
  done
  run 0 cache ls "cache-$engine"
  check "a row an entry, and a sum" [ "$(grep -c " $engine .* ago$" out) $(tail -n 1 out | cut -d ' ' -f 1-2)" = "2 2 entries," ]
  run 0 cache ls --json "cache-$engine"
  holds out "len(x['entries']) == 2 and x['bytes'] == sum(e['bytes'] for e in x['entries']) > 0"
  holds out "all((e['engine'], e['state']) == ('$engine', None) for e in x['entries'])"
  run 0 cache verify "cache-$engine"
  prints '2 ok, 0 damaged, 0 foreign
'
  run 0 cache verify --key good.key "cache-$engine"
  says '^foreign .*\.hostel: .* another key$'
  says '^0 ok, 0 damaged, 2 foreign$'
  run 0 cache prune --key good.key "cache-$engine"
  prints 'removed 0 leftovers, 0 damaged, 0 not used for longest: 0 bytes
'
  entry=$(ls "cache-$engine"/*/*.hostel | head -n 1)
  cp "$entry" "whole-$engine"
  truncate -s -1 "$entry"
  : >"${entry%.hostel}.lock"
  run 1 cache verify "cache-$engine"
  says "^damaged ${entry#*/}: "
  says '^1 ok, 1 damaged, 0 foreign$'
  check "the last line says it" grep -q '^hostel: ARTIFACT_CORRUPT: 1 damaged' err
  run 1 cache verify --json "cache-$engine"
  holds out "sorted(e['state'] for e in x['entries']) == ['damaged', 'ok']"
  run 0 cache prune "cache-$engine"
  says '^removed 1 leftovers, 1 damaged, 0 not used for longest: [1-9][0-9]* bytes$'
  check "just these are gone" [ "$(ls "cache-$engine"/* | grep -c .)" -eq 1 ]
  run 0 cache verify "cache-$engine"
  prints '1 ok, 0 damaged, 0 foreign
'
  cp "whole-$engine" "$entry"
  run 0 cache prune --max-bytes "$(stat -c %s "$entry")" "cache-$engine"
  says ', 1 not used for longest: [1-9][0-9]* bytes$'
  check "what was used last is there" [ "$(echo "cache-$engine"/*/*)" = "$entry" ]

  # What is odd is passed over, and what cannot go is told when the rest is gone.
  zeros=$(printf '0%.0s' {1..64})
  ln -s /nowhere "cache-$engine/$zeros"
  mkdir -p "${entry%/*}/$zeros.hostel/with" "cache-$engine/$zeros-too"
  : >"${entry%/*}/$zeros.lock"
  run 0 cache ls "cache-$engine"
  check "the rest is listed" [ "$(tail -n 1 out | cut -d ' ' -f 1-2)" = "2 entries," ]
  says "cache-$engine/$zeros is left out: .*links are not followed" err
  run 1 cache prune "cache-$engine"
  says '^removed 1 leftovers, 0 damaged, 0 not used for longest: 0 bytes$'
  check "the last line says what" grep -q "^hostel: CACHE_IO: cannot remove .*$zeros.hostel" err
  rm -r "cache-$engine/$zeros" "${entry%/*}/$zeros.hostel" "cache-$engine/$zeros-too"

  # A directory that is shared.
  chmod 2770 "cache-$engine"
  run 1 cache ls "cache-$engine"
  fails CACHE_IO
  run 1 "${on[@]}" --cache "cache-$engine" --text abc "$echo" reverse
  fails CACHE_IO
  for command in ls verify prune; do run 0 cache $command --trust "cache-$engine"; done
  run 0 "${on[@]}" --cache "cache-$engine" --trust --text abc "$echo" reverse
  prints cba
  chmod 700 "cache-$engine"

  # Artifacts.
  artifact=$engine.artifact
  run 0 compile --engine "$engine" "$echo" -o "$artifact"
  prints ''
  check "it ends as artifacts do" [ "$(tail -c 12 "$artifact")" = hostel-seal ]
  check "nothing is left beside it" [ "$(echo "$artifact"*)" = "$artifact" ]
  check "it is as open as other files" [ "$(stat -c %a "$artifact")" = "$(: >plain && stat -c %a plain)" ]
  run 0 "${on[@]}" --report report.json --text abc "$artifact" reverse
  prints cba
  from artifact
  run 0 "${on[@]}" --cache "cache-$engine" --memory 16M --text abc <(cat "$artifact") reverse
  prints cba
  run 1 "${on[@]}" --key good.key --text abc "$artifact" reverse
  fails ARTIFACT_CORRUPT
  run 0 compile --engine "$engine" --key good.key "$wat/initialize.wat" -o "$artifact.keyed"
  prints ''
  run 0 "${on[@]}" --key good.key --report report.json "$artifact.keyed" f
  from artifact
  run 1 "${on[@]}" --key other.key "$artifact.keyed" f
  fails ARTIFACT_CORRUPT
  run 1 "${on[@]}" "$artifact.keyed" f
  fails ARTIFACT_CORRUPT
  for other in $engines; do
    [ "$other" = "$engine" ] && continue
    run 1 call --engine "$other" --text abc "$artifact" reverse
    fails ARTIFACT_MISMATCH
  done
  for place in 0 0.5 -13; do # the first byte, the middle one, the last of the seal
    python3 -c 'import sys; b = bytearray(open(sys.argv[1], "rb").read()); at = float(sys.argv[2])
b[int(at * len(b) if 0 < at < 1 else at)] ^= 1; open("damaged", "wb").write(b)' "$artifact" "$place"
    run 1 "${on[@]}" --text abc damaged reverse
    fails ARTIFACT_CORRUPT
  done
  printf 'hostel-seal\n' >damaged
  run 1 "${on[@]}" --text abc damaged reverse
  fails ARTIFACT_CORRUPT
  head -c 1000 "$artifact" >damaged
  run 1 "${on[@]}" --text abc damaged reverse
  fails INVALID_MODULE
  cp "$artifact" before
  run 1 compile --engine "$engine" no.wat -o "$artifact"
  fails INVALID_MODULE
  check "a failure leaves what was there" cmp -s "$artifact" before
  ln -sf target.artifact link.artifact
  run 0 compile --engine "$engine" "$echo" -o link.artifact
  check "a link is written through, not replaced" [ -L link.artifact -a -s target.artifact ]
done
run 0 call --text x --report report.json "$echo" echo
holds report.json "x['engine'] == 'cranelift'"
# A guest that takes many times as long as a bar waits before it shows on a terminal.
python3 -c 'print("(module", *("(func (param i64) (result i64) " + "".join(f"(i64.mul (i64.xor (local.get 0) (i64.const {i + j})) " for j in range(8))
    + "(local.get 0)" + ")" * 9 for i in range(40000)), ")")' >slow.wat
on_terminal() { # ARGUMENTS...: as `run`, with standard error on a terminal
  command=$(printf '%q ' "$@")
  python3 - "$hostel" "$@" >out 2>err <<'END'
import os, pty, subprocess, sys
ours, theirs = pty.openpty()
program = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stderr=theirs)
os.close(theirs)
said = b""
while True:
    try:
        more = os.read(ours, 65536)
    except OSError:
        break
    if not more:
        break
    said += more
sys.stderr.buffer.write(said)
sys.exit(program.wait())
END
  status=$?
}
on_terminal compile slow.wat -o slow.artifact
check "exit status 0" [ "$status" -eq 0 ]
says 'compiling \[' err
check "the bar is taken back" [ "$(tail -c 4 err)" = $'\r\033[K' ]
on_terminal compile no.wat -o slow.artifact
check "exit status 1" [ "$status" -eq 1 ]
says '^hostel: INVALID_MODULE: ' err
run 0 compile slow.wat -o slow.artifact
prints ''
check "the own key is closed to others" [ "$(stat -c %a "$XDG_CONFIG_HOME/hostel/seal-key")" = 600 ]
run 1 compile --engine nonsense "$echo" -o m.artifact
fails UNSUPPORTED_ENGINE
check "no artifact of no engine" [ ! -e m.artifact ]
run 1 call --engine nonsense --text x "$echo" echo
fails UNSUPPORTED_ENGINE

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
