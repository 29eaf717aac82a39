#!/usr/bin/env bash
# train-tokenizer of the real binary when it is stopped, killed or given what is not a file:
# train_tokenizer_test.sh SD35
set -u
sd35=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$(dirname "$0")/checks.sh"
mkdir "$work/target" "$work/tmp" "$work/bin"
# expect NAME CODE TEXT ARGUMENT...: exit code, and one line of error that holds TEXT
expect() {
  local name=$1 code=$2 text=$3
  shift 3
  timeout 60 "$sd35" train-tokenizer --quiet "$@" >/dev/null 2>"$work/err" </dev/null
  local got=$?
  if [ $got -ne "$code" ]; then bad "$name: exit code $got instead of $code: $(head -c 300 "$work/err")"; return; fi
  if [ "$(wc -l <"$work/err")" -ne 1 ] || ! grep -qF -- "$text" "$work/err"; then
    bad "$name: $(head -c 300 "$work/err")"
    return
  fi
  ok
}
# becomes COMMAND...: waits until it succeeds, for as long as the process runs
becomes() {
  local i
  for i in $(seq 600); do
    "$@" && return 0
    kill -0 "$process" 2>/dev/null || return 1
    sleep 0.1
  done
  return 1
}
process=$$
empty() { [ -z "$(ls -A "$1")" ]; }
full() { ! empty "$1"; }
gone() { [ ! -e "/proc/$1" ] || grep -q '^State:.*Z' "/proc/$1/status" 2>/dev/null; }
# stopped NAME SIGNAL CODE ARGUMENT...: when the signal comes while it works, it ends with the code, leaving nothing
stopped() {
  local name=$1 signal=$2 code=$3
  shift 3
  TMPDIR=$work/tmp "$sd35" train-tokenizer "$@" -o "$work/target/out" >/dev/null 2>"$work/err" </dev/null &
  process=$!
  becomes full "$work/target" || bad "$name: did not begin"
  becomes "$began" || bad "$name: did not come to its work"
  kill "-$signal" $process
  wait $process
  local got=$?
  if [ $got -ne "$code" ]; then bad "$name: exit code $got instead of $code: $(head -c 300 "$work/err")"; return; fi
  ok
}

awk 'BEGIN { srand(1); for (line = 0; line < 60000; ++line) { text = ""
  for (word = 0; word < 6; ++word) { for (letter = 0; letter < 8; ++letter) text = text sprintf("%c", 97 + int(rand() * 26)); text = text " " }
  print text } }' >"$work/captions.txt"

# CLIP: stops between two merges.
began=true
for signal in INT TERM; do
  stopped "SIG$signal stops CLIP's" $signal 130 --kind clip --input "$work/captions.txt"
  check "and leaves nothing" empty "$work/target"
done

# T5: its work is that of a child.
printf '#!/bin/sh\necho $$ >"%s/child"\nexec sleep 3600\n' "$work" >"$work/bin/spm_train"
chmod +x "$work/bin/spm_train"
path=$PATH
PATH=$work/bin:$PATH
runs_child() { [ -s "$work/child" ]; }
began=runs_child
for signal in INT TERM; do
  rm -f "$work/child"
  stopped "SIG$signal to the program alone stops T5's" $signal 130 --kind t5 --input "$work/captions.txt"
  check "its child is gone" gone "$(cat "$work/child")"
  check "and nothing is left" empty "$work/target"
  check "of the texts either" empty "$work/tmp"
done
rm -f "$work/child"
stopped "SIGKILL" KILL 137 --kind t5 --input "$work/captions.txt"
process=$$
check "takes the child along" becomes gone "$(cat "$work/child")"
PATH=$path
echo "a cat" >"$work/small.txt"
check "works after that" env TMPDIR="$work/tmp" "$sd35" train-tokenizer --quiet --kind t5 --vocab-size 150 --input "$work/small.txt" -o "$work/target/after"
check "and removes the texts that were left" empty "$work/tmp"
rm -rf "${work:?}/target"/* "$work/target"/.sd35-*

# What cannot be read or written.
mkfifo "$work/pipe"
ln -s loop "$work/loop"
long=$(printf 'x%.0s' $(seq 300))
expect "a pipe" 3 "not a regular file" --kind clip --input "$work/pipe" -o "$work/target/out"
expect "a device" 3 "not a regular file" --kind t5 --input /dev/zero -o "$work/target/out"
expect "a folder" 3 "not a regular file" --kind clip --input "$work/tmp" -o "$work/target/out"
expect "no such file" 3 "No such file" --kind clip --input "$work/none" -o "$work/target/out"
expect "a name that is too long" 3 "too long" --kind clip --input "$work/small.txt" -o "$work/target/$long"
expect "a loop of links" 3 "symbolic links" --kind clip --input "$work/small.txt" -o "$work/loop/out"
expect "a file as a folder" 3 "Not a directory" --kind clip --input "$work/small.txt" -o "$work/small.txt/out"
check "nothing is left" empty "$work/target"
finish
