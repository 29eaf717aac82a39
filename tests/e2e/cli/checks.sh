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
finish() {
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ]
}
