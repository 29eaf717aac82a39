# Sourced by the tests of the program: counts checks. The caller ends with `finish`.
passed=0
failed=0

ok() { passed=$((passed + 1)); }
bad() {
  failed=$((failed + 1))
  echo "FAILED: $1" >&2
}
check() { # check NAME COMMAND...: the command succeeds
  local name=$1
  shift
  if "$@"; then ok; else bad "$name"; fi
}
# Needs a folder $work of the test's own.
# expect NAME CODE TEXT COMMAND...: exit code, one line on stderr that begins "sd35: " and holds TEXT
expect() {
  local name=$1 code=$2 text=$3
  shift 3
  "$@" >"$work/out" 2>"$work/err" </dev/null
  local got=$?
  # Progress lines are not part of the message.
  grep -vE '^(load|encode prompt|encode picture|denoise|decode)' "$work/err" >"$work/message"
  if [ $got -ne "$code" ]; then bad "$name: exit code $got instead of $code: $(head -c 300 "$work/err")"; return; fi
  if [ "$(wc -l <"$work/message")" -ne 1 ]; then bad "$name: not one line: $(head -c 300 "$work/err")"; return; fi
  if ! grep -q '^sd35: ' "$work/message"; then bad "$name: $(cat "$work/message")"; return; fi
  if ! grep -qF -- "$text" "$work/message"; then bad "$name: does not say '$text': $(cat "$work/message")"; return; fi
  ok
}
finish() {
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ]
}
