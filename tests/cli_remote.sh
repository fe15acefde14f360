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

# Secrets that stand neither on the command line nor in the URL, and a server that is spoken to by TLS.
plain="redis://127.0.0.1:$HOSTEL_TEST_REDIS_PORT/0?prefix=cli-secret/"
secure="rediss://localhost:$HOSTEL_TEST_REDIS_TLS_PORT/0?prefix=cli-secret/"
keyed="${s3/cli-remote/cli-secret}&access_key_id=$AWS_ACCESS_KEY_ID"
printf '%s\n' "$HOSTEL_TEST_REDIS_PASSWORD" >redis.secret
printf '%s' "$AWS_SECRET_ACCESS_KEY" >s3.secret
reverses compiled --remote "$plain" --key good.key --remote-secret redis.secret
silent
HOSTEL_REMOTE_SECRET=$HOSTEL_TEST_REDIS_PASSWORD reverses remote --remote "$plain" --key good.key
silent
reverses remote --remote "$secure" --key good.key --remote-secret redis.secret --remote-ca "$HOSTEL_TEST_CERTIFICATES"
silent
reverses compiled --remote "$secure" --key good.key --remote-secret redis.secret --remote-ca "$HOSTEL_TEST_OTHER_CERTIFICATES"
says 'hostel: remote: .*certificate'
reverses compiled --remote "$plain" --key good.key
says 'hostel: remote: .*NOAUTH: it wants a password'
for origin in compiled remote; do
  reverses $origin --remote "$keyed" --key good.key --remote-secret s3.secret
  silent
done
HOSTEL_REMOTE_SECRET=hunter2 reverses compiled --remote "$plain" --key good.key
says 'hostel: remote: .*WRONGPASS'
check "no secret is told" [ -z "$(grep hunter2 err)" ]
: >empty.secret
for secret in empty.secret nowhere; do
  timeout 60 "$hostel" call --text abc --remote "$plain" --key good.key --remote-secret $secret "$echo" reverse >out 2>err
  status=$?
  check "exit status 2 for $secret" [ "$status" -eq 2 ]
done
timeout 60 "$hostel" call --text abc --remote-ms 5 "$echo" reverse >out 2>err
status=$?
check "exit status 2 without --remote" [ "$status" -eq 2 ]
silent_port=$(python3 -c 'import os, socket, sys
server = socket.socket(); server.bind(("127.0.0.1", 0)); server.listen()
print(server.getsockname()[1]); sys.stdout.flush()
if os.fork() == 0:
    os.close(0); os.close(1); os.close(2); __import__("time").sleep(60)' </dev/null)
reverses compiled --remote "redis://127.0.0.1:$silent_port" --key good.key --remote-ms 150
says 'hostel: remote: .*not done within 150ms'

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

for url in nonsense redis:// http://127.0.0.1/ "redis://:hunter2@127.0.0.1/?a=b" "redis//:hunter2@127.0.0.1" \
  "redis://user%3Ahunter2%40localhost" "s3://b/p&secret_access_key=hunter2?region" "hunter2:redis://127.0.0.1"; do
  timeout 60 "$hostel" call --text abc --remote "$url" --key good.key "$echo" reverse >out 2>err
  status=$?
  check "exit status 1 for $url" [ "$status" -eq 1 ]
  says '^hostel: INVALID_ARGUMENT: url: '
  check "no secret is told" [ -z "$(grep hunter2 err)" ]
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
