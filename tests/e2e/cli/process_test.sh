#!/usr/bin/env bash
# The real binary as a process among others: descriptors, threads, signals, limits: process_test.sh SD35
set -u
sd35=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$(dirname "$0")/checks.sh"
cd "$work" || exit 1
exits() { # exits NAME CODE COMMAND...
  local name=$1 code=$2
  shift 2
  "$@"
  local got=$?
  if [ $got -eq "$code" ]; then ok; else bad "$name: exit code $got instead of $code"; fi
}
# refuses NAME CODE TEXT COMMAND...: exit code, one line on stderr that holds TEXT
refuses() {
  local name=$1 code=$2 text=$3
  shift 3
  exits "$name" "$code" "$@" 2>err
  if [ "$(wc -l <err)" -eq 1 ] && grep -q '^sd35: ' err && grep -qF -- "$text" err; then ok; else bad "$name: $(head -c 300 err)"; fi
}
draw() { "$sd35" generate -m tiny -p "a red cube" -W 256 -H 256 --steps 2 --max-sequence-length 16 -s 5 "$@"; }
nothing_left() { [ -z "$(find target -mindepth 1)" ]; }

mkdir target
"$sd35" make-random-model --size tiny --dtype f32 --seed 7 --quiet -o tiny || exit 1
seq 3000 | sed 's/$/ cats and dogs/' >texts

# Descriptors that are closed: no file of ours may get their numbers
all_work() { # all_work FOLDER [--quiet]: what says something while it writes
  mkdir "$1"
  draw -o "$1/a.png" ${2-} && "$sd35" convert tiny "$1/a.safetensors" -t f16 --layout single ${2-} &&
    "$sd35" convert tiny "$1/folder" -t f16 ${2-} &&
    "$sd35" train-tokenizer --kind clip --input texts --vocab-size 600 -o "$1/tokenizer" ${2-}
}
check "with open descriptors" all_work open </dev/null >/dev/null 2>&1
exits "with closed descriptors" 0 all_work closed --quiet <&- >&- 2>&-
check "a closed descriptor changes no file" diff -r open closed
exits "with a closed standard error" 0 all_work half </dev/null >/dev/null 2>&-
check "a closed standard error changes no file" diff -r open half
for arguments in "inspect tiny" "--help" "--version" "generate --help"; do
  exits "$arguments to a closed standard output" 3 sh -c "'$sd35' $arguments >&- 2>err"
  check "$arguments says why" grep -q "standard output" err
  check "$arguments to an open one" cmp <("$sd35" $arguments 2>&-) <("$sd35" $arguments)
done
exits "json to a closed standard output" 3 sh -c "'$sd35' generate -m tiny -p x -W 32 -H 32 --steps 1 --json -o json.png >&- 2>&-"

# OpenMP that grants fewer threads than are asked for, and threads that cannot be
for options in "--dtype f32" "--dtype bf16" "--quantize int8"; do
  draw --quiet $options --threads 2 -o two.png
  for setting in "OMP_THREAD_LIMIT=1 OMP_DYNAMIC=true" "OMP_DYNAMIC=true" "OMP_MAX_ACTIVE_LEVELS=0" "OMP_NUM_THREADS=7" "OMP_WAIT_POLICY=passive"; do
    check "$options with $setting" env $setting "$sd35" generate --from-image two.png --quiet -o again.png
    check "$options with $setting draws the same bytes" cmp two.png again.png
  done
  check "$options with more threads than granted" env OMP_THREAD_LIMIT=2 "$sd35" generate --from-image two.png --threads 4 --quiet -o again.png
done
for threads in -1 1025 10000 65536 2147483647; do
  refuses "$threads threads" 2 "threads is $threads; it must be 0 to 1024" draw --quiet --threads "$threads" -o target/x.png
done
# The address sanitizer needs more address space than these limits leave.
bounds_memory() { ! grep -qa __asan_init "$sd35"; }
few_threads_fit() { (ulimit -v 6000000 && draw --quiet --threads 1000 -o target/x.png); }
bounds_memory && refuses "threads that do not fit into memory" 2 "does not start 1000 threads" few_threads_fit
check "no failure left a file" nothing_left

# Signals: both kinds of work end with nothing left
start() { # start COMMAND...: a picture in the background, until it is denoised
  : >events # or the last picture's would be read
  "$@" --json >events 2>err &
  pid=$!
  until grep -q '"stage":"denoise"' events || ! kill -0 $pid 2>/dev/null; do sleep 0.05; done
}
for signal in INT TERM HUP XCPU; do
  start "$sd35" generate -m tiny -p cat -W 512 -H 512 --steps 1000 -o target/x.png
  kill -$signal $pid
  exits "SIG$signal" 130 wait $pid
  check "SIG$signal says so" grep -q '^sd35: interrupted' err
  check "SIG$signal leaves nothing" nothing_left
done
start nohup "$sd35" generate -m tiny -p cat -W 256 -H 256 --steps 60 -o nohup.png
kill -HUP $pid
exits "nohup" 0 wait $pid
# A child has the signals that the program found
mkdir bin
printf '#!/bin/sh\ngrep SigIgn /proc/self/status >"%s/ignored"\nexit 1\n' "$work" >bin/spm_train
chmod +x bin/spm_train
PATH=$work/bin:$PATH "$sd35" train-tokenizer --kind t5 --input texts --vocab-size 600 -o target/t 2>/dev/null
ignored() { echo $((16#$(cut -f 2 "$1" | tail -c 9) & 0x7fffffff)); } # above are the C library's own
grep SigIgn /proc/self/status >ours
check "a child ignores no more signals than we" [ "$(ignored ignored)" -eq "$(ignored ours)" ]

# A weight file that is cut short while it is mapped
cp -r tiny cut
start "$sd35" generate -m cut -p cat -W 256 -H 256 --steps 60 -o target/x.png
truncate -s 1000 cut/vae/diffusion_pytorch_model.safetensors
exits "weights that are cut short" 3 wait $pid
check "weights that are cut short are named" grep -q '^sd35: cannot read .cut/vae/.*cut short' err
check "weights that are cut short leave nothing" nothing_left

# Little memory ends in one line
bounds_memory && for kilobytes in 60000 90000 {100000..150000..10000} 200000 250000; do
  (ulimit -v $kilobytes && exec "$sd35" generate --quiet -m tiny -p cat -W 256 -H 256 --steps 1 -o memory.png) 2>err
  got=$?
  check "$kilobytes kB: exit code $got" [ $got -lt 128 ]
  check "$kilobytes kB: at most one line" [ "$(wc -l <err)" -le 1 ]
done

finish
