#!/usr/bin/env bash
# A tiny version of everything, from nothing to a picture: data, tokenizers, encoders, autoencoder, transformer.
#   everything_test.sh SD35
set -euo pipefail
sd35=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

"$sd35" make-dataset pictures -n 48 --size 64 --seed 1 --mix shape=1 --plain-backgrounds --quiet
"$sd35" make-dataset -n 300 --captions captions.txt --seed 2 --quiet

# Configurations of every part; its weights are not read.
"$sd35" make-random-model --size tiny --quiet -o parts
for tokenizer in tokenizer tokenizer_2; do
  pad=$([ $tokenizer = tokenizer ] && echo '<|endoftext|>' || echo '!')
  rm -r parts/$tokenizer
  "$sd35" train-tokenizer --kind clip --input captions.txt --vocab-size 600 --max-length 24 --pad-token "$pad" -o parts/$tokenizer --quiet
done
rm -r parts/tokenizer_3
"$sd35" train-tokenizer --kind t5 --input captions.txt --vocab-size 180 --split-characters --max-length 48 -o parts/tokenizer_3 --quiet

learn() { # learn NAME STEPS BATCH KEYS KEYS_OF_THE_STAGE: trains a part of parts/ and puts it there
  local name=$1
  cat >"$name.json" <<EOF
{
  "model": "parts", "from_scratch": true, "seed": 3, "dtype": "f32", $4,
  "optimizer": {"learning_rate": 2e-3, "warmup_steps": 2, "ema": 0},
  "stages": [{"steps": $2, "batch_size": $3, $5}],
  "checkpoint_every": 1000, "log_every": 1
}
EOF
  "$sd35" train "$name.json" -o "$name" --quiet
  local first last
  first=$(sed -n '1,3s/.*"loss":\([0-9.e-]*\).*/\1/p' "$name/metrics.jsonl" | awk '{ s += $1 } END { print s / NR }')
  last=$(tail -n 3 "$name/metrics.jsonl" | sed -n 's/.*"loss":\([0-9.e-]*\).*/\1/p' | awk '{ s += $1 } END { print s / NR }')
  echo "$name: loss $first, then $last"
  awk -v first="$first" -v last="$last" 'BEGIN { exit !(last < 0.95 * first) }' ||
    { echo "FAILED: $name has learned nothing" >&2; exit 1; }
  rm -r parts && mv "$name/model" parts
}
side='"resolutions": [32]'
tokens='"max_sequence_length": 48'
learn autoencoder 12 4 '"task": "autoencoder", "data": "pictures"' "$side"
learn t5 20 8 '"task": "t5", "captions": "captions.txt"' "$tokens"
learn clip 15 16 '"task": "clip", "component": "text_encoder", "data": "pictures"' "$side"
learn clip_2 15 16 '"task": "clip", "component": "text_encoder_2", "data": "pictures"' "$side"
learn transformer 15 8 '"task": "transformer", "data": "pictures"' "$side, $tokens"

"$sd35" inspect parts >/dev/null
"$sd35" convert parts model --type bf16 --quiet
"$sd35" generate --model model --prompt "a red circle" --width 64 --height 64 --steps 4 --quiet -o picture.png
[ -s picture.png ] || { echo "FAILED: no picture" >&2; exit 1; }
echo "all passed"
