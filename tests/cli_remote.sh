#!/bin/bash
# cli_remote.sh BUILD_DIR: `hostel call --remote`, seen from outside, where two directories stand for two machines.
# Run by tests/remote/with_servers.py, beside a Redis and an S3 server.
set -u
hostel=$(realpath "$1")/hostel echo=$(realpath "$1")/guests/echo.wasm
: "${HOSTEL_TEST_REDIS_PORT:?run this with tests/remote/with_servers.py}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
passed=0 failed=0

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

# reverses ORIGIN OPTIONS...: the guest answers, and its code is from there.
reverses() {
  local origin=$1
  shift
  timeout 60 "$hostel" call --report report.json --text abc "$@" "$echo" reverse >out 2>err
  status=$?
  check "exit status 0" [ "$status" -eq 0 ]
  check "the output" [ "$(cat out)" = cba ]
  check "from $origin: $(cat report.json)" grep -q "\"cache\": \"$origin\"" report.json
}

silent() { check "nothing on standard error" [ ! -s err ]; }
says() { check "says $1" grep -qe "$1" err; }

for name in good other; do head -c 32 /dev/urandom >$name.key && chmod 600 $name.key; done
redis="redis://:$HOSTEL_TEST_REDIS_PASSWORD@127.0.0.1:$HOSTEL_TEST_REDIS_PORT/0?prefix=cli-remote/"
s3="s3://artifacts/cli-remote?endpoint=http://127.0.0.1:$HOSTEL_TEST_S3_PORT&region=us-east-1"

for engine in $("$hostel" engines); do
  for url in "$redis" "$s3"; do
    rm -rf one two
    remote=(--engine "$engine" --remote "$url" --key good.key)
    for step in "compiled one" "directory one" "remote two" "directory two"; do
      reverses "${step% *}" "${remote[@]}" --cache "${step#* }"
      silent
    done
    reverses remote "${remote[@]}"
    silent
    reverses compiled --engine "$engine" --remote "$url" --key other.key
    says 'hostel: remote: .*another key'
  done
done

# Without a server: the call is as good, and a line says what it has waited for.
closed=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
for url in "redis://:hunter2@127.0.0.1:$closed" "s3://x?endpoint=http://127.0.0.1:$closed&region=r"; do
  rm -rf one
  reverses compiled --remote "$url" --key good.key --cache one
  says 'hostel: remote: cannot load an entry: .*refused'
  check "no secret is told" [ -z "$(grep hunter2 err)" ]
  reverses directory --remote "$url" --key good.key --cache one
  silent
done

for url in nonsense redis:// http://127.0.0.1/ "redis://:hunter2@127.0.0.1/?a=b"; do
  timeout 60 "$hostel" call --text abc --remote "$url" --key good.key "$echo" reverse >out 2>err
  status=$?
  check "exit status 1 for $url" [ "$status" -eq 1 ]
  says '^hostel: INVALID_ARGUMENT: url: '
  check "no secret is told" [ -z "$(grep hunter2 err)" ]
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
