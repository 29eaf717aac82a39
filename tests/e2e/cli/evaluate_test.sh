#!/usr/bin/env bash
# sd35 evaluate with a model that draws noise: evaluate_test.sh SD35
set -uo pipefail
sd35=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0
check() { # check NAME COMMAND...: the command succeeds
  local name=$1
  shift
  "$@" || { echo "FAILED: $name" >&2; failures=$((failures + 1)); }
}
json() { python3 -c "import json, sys; d = json.load(open('report/report.json')); sys.exit(not ($1))"; }
evaluate() { "$sd35" evaluate --prompts words.jsonl shape.jsonl plain.txt -o report -W 64 -H 64 --steps 1 --dtype f32 \
  --max-sequence-length 16 --quiet "$@" >out 2>err; }

"$sd35" make-random-model --size tiny --dtype f32 --quiet -o tiny || exit 1
for kind in words shape; do "$sd35" make-dataset -n 3 --prompts $kind.jsonl --kind $kind --quiet || exit 1; done
printf 'a cat\na <b>dog</b>\n' >plain.txt

check "a report" evaluate --model tiny --reconstruct tiny
check "the page" grep -q '<td class="first">' report/report.html
check "text is escaped" grep -q 'a &lt;b&gt;dog&lt;/b&gt;' report/report.html
check "the columns" json '[c["label"] for c in d["columns"]] == ["drawn", "reconstructed", "tiny"]'
check "the totals" json 'd["columns"][0]["totals"]["shape"]["shape"]["pictures"] == 3'
check "drawn shapes are recognized" json 'd["columns"][0]["totals"]["shape"]["shape"]["passed"] == 3'
check "reconstructions are compared" json '0 < d["columns"][1]["mean_psnr"] < 60'
check "five pictures of words and shapes, two of plain prompts" json 'd["columns"][2]["pictures_drawn_now"] == 8'
check "every picture is there" json 'all(__import__("os").path.exists("report/" + p["file"]) for r in d["prompts"] for p in r["pictures"].values())'
check "a line a kind and column" grep -q '^words, tiny: within one letter' out

check "again" evaluate --model tiny
check "nothing was drawn again" json 'd["columns"][1]["pictures_drawn_now"] == 0'
rm report/pictures/tiny/shape-00005.png
check "with one picture gone" evaluate --model tiny
check "one was drawn again" json 'd["columns"][1]["pictures_drawn_now"] == 1'
check "other steps" evaluate --model tiny --steps 2
check "all were drawn again" json 'd["columns"][1]["pictures_drawn_now"] == 8'
rm -r tiny && "$sd35" make-random-model --size tiny --dtype f32 --seed 1 --quiet -o tiny || exit 1
check "another model of that name" evaluate --model tiny --steps 2
check "all were drawn with it" json 'd["columns"][1]["pictures_drawn_now"] == 8'
check "two columns" evaluate --model tiny --label a --model tiny --label b
check "have the same pictures" json 'd["columns"][2]["label"] == "b" and all(r["pictures"]["a"]["file"] != r["pictures"]["b"]["file"] for r in d["prompts"])'

# Ctrl-C keeps what is drawn
"$sd35" make-dataset -n 60 --prompts many.jsonl --kind shape --quiet || exit 1
many=("$sd35" evaluate --prompts many.jsonl --model tiny -o many -W 64 -H 64 --steps 2 --dtype f32 --max-sequence-length 16 --quiet)
"${many[@]}" >out 2>err &
for _ in $(seq 1200); do [ -e many/pictures/tiny/shape-00005.png ] && break; sleep 0.05; done
kill -INT $!
wait $!
check "interrupted" [ $? -eq 130 ]
check "says what is kept" grep -qE '^sd35: interrupted; got as far as tiny, [0-9]+ of 60; the pictures are kept' err
kept=$(ls many/pictures/tiny/*.png | wc -l)
check "the same again" "${many[@]}" >out
check "goes on from there" grep -q "\"pictures_drawn_now\": *$((60 - kept))" many/report.json

cp -r report before
check "an earlier report" evaluate --model tiny --steps 2 --compare before
check "is a column for each of its models" json '[c["label"] for c in d["columns"]] == ["drawn", "tiny", "before-a", "before-b"]'
check "compared with the first model" json 'd["columns"][3]["compared_with"] == "tiny" and d["columns"][3]["mean_psnr"] < 60'
check "fewer forwards" evaluate --model tiny --steps 2 --guidance-interval 0 0.5 --block-cache 0.1
check "are said on the page" grep -q 'guidance 4.5 from 0 to 0.5 of the steps, first-block cache 0.1' report/report.html
evaluate --model tiny --compare before --seed 5
check "a report of other seeds: exit code 2" [ $? -eq 2 ]
evaluate --model tiny --label drawn
check "a label that is taken: exit code 2" [ $? -eq 2 ]
evaluate --model missing
check "a model that is missing: exit code 3" [ $? -eq 3 ]
check "one line" [ "$(wc -l <err)" -eq 1 ]
echo '{"prompt": "x", "kind": "thing"}' >bad.jsonl
evaluate --prompts bad.jsonl
check "a broken prompt: exit code 3" [ $? -eq 3 ]
check "says where" grep -q 'bad.jsonl, line 1' err

exit $((failures > 0))
