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

# How models are loaded, as for generate
tiny_drawn() { json "[c[\"pictures_drawn_now\"] for c in d[\"columns\"]][1] == $1"; }
check "without T5" evaluate --model tiny --steps 2 --no-t5
check "is another model" tiny_drawn 8
check "without T5 again" evaluate --model tiny --steps 2 --no-t5
check "is the same" tiny_drawn 0
"$sd35" make-random-model --size tiny --dtype f32 --seed 2 --quiet -o other || exit 1
check "another autoencoder" evaluate --model tiny --steps 2 --vae other/vae --max-memory 8GB --skip-layers 1 --prompt-cache cached
check "draws other pictures" tiny_drawn 8
check "prompts are kept" [ -n "$(ls cached)" ]
evaluate --model tiny --count 2
check "no number of pictures: exit code 2" [ $? -eq 2 ]

# What cannot be drawn is refused before scenes are, of every model
refused() { # refused TEXT OPTIONS...: exit code 2, and no folder
  local text=$1
  shift
  "$sd35" evaluate --prompts words.jsonl -o never --model tiny "$@" >out 2>err
  [ $? -eq 2 ] && grep -q "$text" err && [ ! -e never ]
}
check "a side" refused "width is 100" -W 100
check "a sampler" refused "unknown sampler 'ddim'" --sampler ddim
"$sd35" make-random-model --size tiny --dtype f32 --quiet -o strict || exit 1
python3 -c "
import json
name = 'strict/scheduler/scheduler_config.json'
json.dump(json.load(open(name)) | {'num_train_timesteps': 5}, open(name, 'w'))" || exit 1
check "steps that only the second model lacks" refused "6 steps; use 1 to 5" --model strict --steps 6

# Several seeds of one prompt, signs of two words, the model's own settings
printf '{"defaults": {"width": 48, "height": 64, "steps": 1, "sampler": "heun", "guidance_scale": 1}}' >tiny/sd35.json
line='{"prompt": "a sign that reads Hello World", "kind": "words", "expect": {"words": ["Hello", "World"]}}'
echo "$line" >two.jsonl
several() { "$sd35" evaluate --prompts two.jsonl words.jsonl --model tiny -o report --seeds 3 --dtype f32 --quiet "$@" >out 2>err; }
rm -r report
check "three seeds" several
check "the model's own settings" json 'd["settings"]["seeds"] == 3 and [d["columns"][1]["generate"][k] for k in ("width", "height", "num_inference_steps", "sampler", "guidance_scale")] == [48, 64, 1, "heun", 1]'
check "a picture a seed" json '[r["seed"] for r in d["prompts"]] == list(range(12)) and d["columns"][1]["pictures_drawn_now"] == 12'
check "the scene is drawn once" json 'sum("drawn" in r["pictures"] for r in d["prompts"]) == 3'
check "two words are apart" json 'd["columns"][1]["totals"]["two words"]["read exactly"]["pictures"] == 3 and d["columns"][1]["totals"]["words"]["read exactly"]["pictures"] == 9'
check "in the summary too" grep -q '^two words, tiny: within one letter' out
check "letters" json 'd["columns"][1]["letters"]["two words"]["by_index"]["5"]["letters"] == 6 and d["columns"][1]["letters"]["two words"]["all"]["letters"] == 30'
check "no confusions where nothing is legible" json 'd["columns"][1]["letters"]["two words"]["confusions"] == []'
check "by size where it is known" json '"by_capitals" in d["columns"][0]["letters"]["words"] and "by_capitals" not in d["columns"][1]["letters"]["words"]'
check "again, without a length of prompts" several
check "nothing is drawn again" json 'd["columns"][1]["pictures_drawn_now"] == 0'
check "options come before the model" several -W 64 --steps 2
check "all are drawn again" json 'd["columns"][0]["generate"] == {"width": 64, "height": 64} and d["columns"][1]["pictures_drawn_now"] == 12'
several --seeds 0
check "no seeds: exit code 2" [ $? -eq 2 ]
rm tiny/sd35.json
rm -r report
check "as before" evaluate --model tiny --label a --model tiny --label b

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
check "are said on the page" grep -q 'generate.block_cache 0.1, generate.guidance_scale 4.5, generate.guidance_stop 0.5,' report/report.html
check "with another autoencoder" "$sd35" evaluate --prompts words.jsonl shape.jsonl plain.txt -o report -W 64 -H 64 --steps 1 --dtype f32 \
  --max-sequence-length 16 --model tiny --vae other/vae --compare before >out 2>err
check "is said where it is compared" grep -q "^sd35: warning: the pictures of 'before-a' were drawn with other options than those of 'tiny': load.vae the default instead of 'other/vae'" err
evaluate --model tiny --compare before --seed 5
check "a report of other seeds: exit code 2" [ $? -eq 2 ]
evaluate --model tiny --label drawn
check "a label that is taken: exit code 2" [ $? -eq 2 ]
evaluate --model tiny --model tiny
check "two models of one name: exit code 2" [ $? -eq 2 ]
check "and what to do about it" grep -q "columns of the report are called 'tiny'; --label" err
mkdir -p elsewhere && cp -r before elsewhere/
evaluate --model tiny --compare before --compare elsewhere/before
check "two earlier reports of one name: exit code 2" [ $? -eq 2 ]
check "and what to do about them" grep -q "called 'before-a'; rename 'elsewhere/before'" err
evaluate --model missing
check "a model that is missing: exit code 3" [ $? -eq 3 ]
check "one line" [ "$(wc -l <err)" -eq 1 ]
echo '{"prompt": "x", "kind": "thing"}' >bad.jsonl
evaluate --prompts bad.jsonl
check "a broken prompt: exit code 3" [ $? -eq 3 ]
check "says where" grep -q 'bad.jsonl, line 1' err

exit $((failures > 0))
