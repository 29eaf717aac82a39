#!/usr/bin/env bash
# The scripts that install, build and test, from the outside: scripts_test.sh REPOSITORY BUILD
# BUILD is up to date.
set -u
cd "$1"
build=$2
source tests/e2e/cli/checks.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fails() { # fails CODE TEXT COMMAND...: exit code, one line on stderr that holds TEXT
  local code=$1 text=$2
  shift 2
  "$@" >"$work/out" 2>"$work/err"
  [ $? -eq "$code" ] && [ "$(wc -l <"$work/err")" -eq 1 ] && grep -qF -- "$text" "$work/err"
}

check "help of ./test" sh -c "./test --help | grep -q -- --all"
check "an unknown option of ./test" fails 2 "'--frobnicate' is not an option" ./test --frobnicate
check "./test takes no files" fails 2 "'tests'" ./test tests
check "no seconds" fails 2 "--fuzz-seconds" ./test --fuzz-seconds
check "seconds that are not a number" fails 2 "'soon'" ./test --all --fuzz-seconds soon
check "help of ./serve" sh -c "./serve --help | grep -q -- --token-file"
check "no group of packages" fails 1 "name groups" tools/install-packages
check "an unknown group of packages" fails 1 "'wanted'" tools/install-packages wanted
check "a root without a command" fails 2 "usage" tools/try-in-root trixie
check "./train without a folder builds nothing" fails 2 "-o FOLDER" ./train recipes/figure/lora.json
check "./train of nothing builds nothing" fails 3 "no configuration" ./train nowhere.json -o "$work/run"
if command -v dpkg-query >/dev/null; then
  tools/build-program "$build" build >"$work/out" 2>&1
  check "building once more succeeds" [ $? -eq 0 ]
  check "and says nothing" [ ! -s "$work/out" ]
  (flock 9 && touch "$work/locked" && sleep 2) 9>"$build/.building" &
  until [ -e "$work/locked" ]; do sleep 0.05; done
  check "two do not build at once" tools/build-program "$build" build >"$work/out" 2>&1
  check "the second says so" grep -q "another call builds" "$work/out"
fi

finish
