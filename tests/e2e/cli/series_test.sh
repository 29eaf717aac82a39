#!/usr/bin/env bash
# Several pictures of one run, and what Ctrl-C and errors leave of it, from the outside: series_test.sh SD35
set -u
sd35=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$(dirname "$0")/checks.sh"
"$sd35" make-random-model --size tiny --dtype f32 --seed 7 --quiet -o "$work/tiny" || exit 1
mkdir "$work/here" && cd "$work/here" || exit 1
# With a preview small pictures do not go through the transformer together.
# An array, so that in the background it is the process itself that gets the signal.
draw=("$sd35" generate -m "$work/tiny" --dtype f32 -p "a red cube" -W 64 -H 64 -g 1 --max-sequence-length 16 --preview "$work/preview.png")
wait_for() { # wait_for COMMAND...: until it succeeds, for a minute
  for _ in $(seq 1200); do
    "$@" 2>/dev/null && return
    sleep 0.05
  done
  bad "never came about: $*"
}
interrupted() { # interrupted: the last background process, once
  kill -INT $!
  wait $!
  [ $? -eq 130 ]
}
pictures() { ls "$1" | wc -l; }
no_temporaries() { [ -z "$(find . -name '.sd35-*')" ]; }

# Each picture is saved when it is there
"${draw[@]}" --json --steps 2 --count 3 -o a/ >json
check "three pictures" [ "$(pictures a)" -eq 3 ]
first_saved=$(grep -n '"event":"picture"' json | head -1 | cut -d: -f1)
last_denoised=$(grep -n '"stage":"denoise"' json | tail -1 | cut -d: -f1)
check "the first is saved before the last is denoised" [ "$first_saved" -lt "$last_denoised" ]
check "each says its own seconds" python3 - json <<'EOF'
import json, sys
events = [json.loads(line) for line in open(sys.argv[1])]
saved = [e for e in events if e["event"] == "picture"]
assert len(saved) == 3
for index, event in enumerate(saved):
    parts = [e["seconds"] for e in events if e["event"] == "progress" and e["picture"] == index
             and e["stage"] in ("denoise", "decode") and e["fraction"] == 1]
    assert len(parts) == 2 and abs(sum(parts) - event["seconds"]) < 1e-9, (event, parts)
EOF
"${draw[@]}" --steps 2 --count 2 -o b/ >out 2>err
check "each stage ends once, and says of what" [ "$(grep -oE '^(load transformer|load decoder|denoise.* 2/2|decode[^,]*),' err | tr '\n' ' ')" = \
  "load transformer, denoise 2/2, load decoder, decode, denoise picture 2 2/2, decode picture 2, " ]

# Ctrl-C
"${draw[@]}" --steps 2 -s 5 --count 500 -o many/ >out 2>err &
wait_for test -e many/out-2.png
check "interrupted" interrupted
saved=$(pictures many)
check "says what is saved" grep -qx "sd35: interrupted; $saved of 500 pictures are saved, the others are not drawn" err
check "leaves nothing half-written" no_temporaries
check "each was reported" [ "$(grep -c '^many/out.*png (seed ' out)" -eq "$saved" ]
"${draw[@]}" --quiet --steps 2 -s 6 -o second.png
check "the second is what its seed gives" cmp many/out-2.png second.png
"${draw[@]}" --json --steps 1000 --count 5 -o none/ >json 2>err &
wait_for grep -q '"stage":"denoise"' json
check "interrupted in the first" interrupted
check "none is saved" grep -qx "sd35: interrupted; none of 5 pictures is saved" err

# With less memory pictures wait to be decoded
"${draw[@]}" --json --steps 1 --count 2 --max-memory 4GB -o limit/ >json
most=$(python3 -c 'import json; print(max(s["bytes"] for s in json.loads(open("json").readline())["stages"]) - 1)')
"${draw[@]}" --json --steps 2 --count 3 --max-memory "${most}B" -o waiting/ >json
check "apart" grep -q 'whole, 16 pictures at a time' json
check "three pictures" [ "$(pictures waiting)" -eq 3 ]
"${draw[@]}" --json --steps 1000 --count 5 --max-memory "${most}B" -o kept/ >json 2>err &
wait_for grep -q '"stage":"denoise","picture":2' json
check "nothing is saved yet" [ "$(pictures kept)" -eq 0 ]
check "interrupted" interrupted
check "those that waited are saved" [ "$(pictures kept)" -eq 2 ]
check "which was said" grep -q '"event":"stopping"' json
check "and counted" grep -qx "sd35: interrupted; 2 of 5 pictures are saved, the others are not drawn" err

# A picture that cannot be saved
"${draw[@]}" --steps 2 -s 5 --count 300 -o x.png >out 2>err &
wait_for test -e x-0001.png
mkdir x-0020.png
wait $!
check "exit code 3" [ $? -eq 3 ]
check "says which, and what is saved" grep -q "^sd35: .*x-0020.png.*; 19 of 300 pictures are saved, lost: seed 24$" err
check "no further one was begun" [ ! -e x-0021.png ]
check "leaves nothing half-written" no_temporaries

finish
