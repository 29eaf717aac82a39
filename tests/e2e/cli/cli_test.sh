#!/usr/bin/env bash
# The real binary, from the outside: cli_test.sh SD35
set -u
sd35=$(realpath "$1")
work=$(mktemp -d)
trap 'cleanup' EXIT
cleanup() {
  mountpoint -q "$work/small" 2>/dev/null && umount "$work/small"
  rm -rf "$work"
}
source "$(dirname "$0")/checks.sh"
draw() { "$sd35" generate --quiet --dtype f32 -p "a red cube" -W 256 -H 256 --steps 2 --max-sequence-length 16 "$@"; }
nothing_left() { [ -z "$(find "$work/target" -mindepth 1 2>/dev/null)" ]; }

mkdir "$work/target"
tiny=$work/tiny
"$sd35" make-random-model --size tiny --dtype f32 --seed 7 --quiet -o "$tiny" || exit 1
"$sd35" make-random-model --size tiny --dtype f32 --seed 7 --layout single --quiet -o "$work/single/model.safetensors" || exit 1

# What works
check "help" sh -c "'$sd35' --help >/dev/null && '$sd35' generate --help | grep -q guidance-scale"
check "version" sh -c "'$sd35' --version | grep -qE '^sd35 [0-9]+\.[0-9]+\.[0-9]+$'"
check "folder" draw -m "$tiny" -s 5 -o "$work/a.png"
# Without a recipe, which names the model and what its files hold.
mkdir "$work/as-folder"
cp -r "$tiny" "$work/as-folder/model.safetensors"
cp -r "$work/single/tokenizers" "$work/as-folder/"
for layout in as-folder single; do
  (cd "$work/$layout" && draw -m model.safetensors --tokenizers tokenizers -s 5 --no-metadata -o picture.png)
done
check "both layouts draw the same bytes" cmp "$work/as-folder/picture.png" "$work/single/picture.png"
check "replay" env SD35_MODEL="$tiny" "$sd35" generate --quiet --from-image "$work/a.png" -o "$work/c.png"
check "a replay has the same bytes" cmp "$work/a.png" "$work/c.png"
check "no place of this machine in it" sh -c "! grep -qaF '${tiny%/*}' '$work/a.png'"
check "but where it is asked for" draw -m "$tiny" -s 5 --recipe-paths -o "$work/paths.png"
check "the place" grep -qaF "$tiny" "$work/paths.png"
check "is found without a word" draw --from-image "$work/paths.png" -o "$work/c.png"
check "no recipe at all" draw -m "$tiny" -s 5 --no-metadata -o "$work/none.png"
expect "is said" 3 "does not say how it was made" "$sd35" generate --from-image "$work/none.png"
# Whose files hold something else.
check "another model" "$sd35" make-random-model --seed 2 --quiet -o "$work/other/$(basename "$tiny")"
check "of the same name" env SD35_MODEL="$work/other/$(basename "$tiny")" "$sd35" generate --from-image "$work/a.png" -o "$work/c.png" 2>"$work/message"
check "is a warning" grep -q "holds other weights than" "$work/message"
cp -r "$work/other/$(basename "$tiny")" "$work/other/else"
check "it is found by what it holds" env SD35_MODEL="$work/as-folder/model.safetensors" "$sd35" generate --quiet --from-image "$work/a.png" -o "$work/c.png"
expect "another one of another name" 3 "say with --model" env SD35_MODEL="$work/other/else" "$sd35" generate --from-image "$work/a.png"
check "several pictures" draw -m "$tiny" -s 5 --count 2 -o "$work/n.png"
check "are numbered" [ -f "$work/n-0001.png" -a -f "$work/n-0002.png" ]
check "the first of several is the single one" cmp "$work/a.png" "$work/n-0001.png"
check "without T5" draw -m "$tiny" --no-t5 -o "$work/d.jpg"
check "webp" draw -m "$tiny" -o "$work/d.webp"
check "quiet says nothing" [ -z "$(draw -m "$tiny" -o "$work/q.png" 2>&1)" ]
"$sd35" generate --json -m "$tiny" -p cat -W 256 -H 256 --steps 2 -o "$work/j.png" >"$work/json" 2>/dev/null
check "json reports progress and the picture" \
  sh -c "grep -q '\"event\":\"progress\"' '$work/json' && grep -q '\"event\":\"picture\"' '$work/json'"
# A model may say how it is drawn with; options and recipes come before that.
cp -r "$tiny" "$work/own"
say() { printf '%s' "{\"defaults\": $1}" >"$work/own/sd35.json"; }
say '{"width": 64, "height": 48, "steps": 2, "guidance_scale": 2, "sampler": "heun"}'
own() { "$sd35" generate --quiet --dtype f32 --max-sequence-length 16 "$@"; }
holds() { "$sd35" inspect "$1" | tr -s ' ' | grep -qxF " $2"; } # holds PICTURE "KEY VALUE"
check "defaults" own -m "$work/own" -p "a red cube" -s 5 -o "$work/own.png"
for setting in "width 64" "height 48" "num_inference_steps 2" "guidance_scale 2.0" "sampler heun"; do
  check "$setting by default" holds "$work/own.png" "$setting"
done
check "options" own -m "$work/own" -p cat -W 32 --steps 1 -g 0 --sampler euler -o "$work/options.png"
for setting in "width 32" "height 48" "num_inference_steps 1" "guidance_scale 0.0" "sampler euler"; do
  check "$setting by option" holds "$work/options.png" "$setting"
done
say '{"width": 32, "steps": 1}'
check "a recipe" own --from-image "$work/own.png" -m "$work/own" -o "$work/again.png"
check "comes before defaults" cmp "$work/own.png" "$work/again.png"
say '{"step": 1}'
expect "an unknown default" 3 "does not know 'step'; known: width" own -m "$work/own" -p cat -o "$work/target/x.png"
check "a full standard output is an error" sh -c "! '$sd35' inspect '$tiny' >/dev/full 2>/dev/null"
check "inspect" sh -c "'$sd35' inspect '$tiny' | grep -qi transformer"

# What a person gets wrong
expect "no subcommand" 2 "" "$sd35"
expect "unknown option" 2 "--frobnicate" "$sd35" generate --frobnicate
expect "no prompt" 2 "takes a prompt" "$sd35" generate -m "$tiny"
expect "negative seed" 2 "-1" draw -m "$tiny" -s -1 -o "$work/target/x.png"
expect "no model" 2 "--model" "$sd35" generate -p cat
for size in 0 17 -16 100000; do expect "width $size" 2 "$size" draw -m "$tiny" -W $size -o "$work/target/x.png"; done
expect "no steps" 2 "step" draw -m "$tiny" --steps 0 -o "$work/target/x.png"
expect "unknown sampler" 2 "euler" draw -m "$tiny" --sampler warp -o "$work/target/x.png"
expect "unknown extension" 2 "png" draw -m "$tiny" -o "$work/target/x.bmp"
expect "missing model" 3 "huggingface.co" draw -m "no-such/model" -o "$work/target/x.png"
expect "no recipe" 3 "" "$sd35" generate --from-image "$tiny/model_index.json"

# Models that are broken
broken() { rm -rf "$work/broken" && cp -r "$tiny" "$work/broken"; }
weights=transformer/diffusion_pytorch_model.safetensors
broken && truncate -s -100 "$work/broken/$weights"
expect "truncated weights" 3 "$weights" draw -m "$work/broken" -o "$work/target/x.png"
broken && rm -r "$work/broken/vae"
expect "missing component" 3 "vae" draw -m "$work/broken" -o "$work/target/x.png"
broken && sed -i 's/"context_embedder.bias"/"context_embedder.bxas"/' "$work/broken/$weights"
expect "renamed tensor" 3 "context_embedder.bias" draw -m "$work/broken" -o "$work/target/x.png"
broken && sed -i 's/"num_layers": 4/"num_layers": 3/' "$work/broken/transformer/config.json"
expect "unused tensors" 3 "not used" draw -m "$work/broken" -o "$work/target/x.png"
broken && sed -i 's/"pos_embed_max_size": 96/"pos_embed_max_size": 95/' "$work/broken/transformer/config.json"
expect "wrong shapes" 3 "shape" draw -m "$work/broken" -o "$work/target/x.png"
broken && echo '{ "num_layers": ' >"$work/broken/transformer/config.json"
expect "broken JSON" 3 "config.json" draw -m "$work/broken" -o "$work/target/x.png"
broken && truncate -s 1000 "$work/broken/tokenizer_3/spiece.model"
expect "truncated tokenizer" 3 "spiece.model" draw -m "$work/broken" -o "$work/target/x.png"
broken && echo "zz qq" >>"$work/broken/tokenizer/merges.txt"
expect "unknown merge" 3 "merges.txt" draw -m "$work/broken" -o "$work/target/x.png"
broken && size=$(stat -c %s "$work/broken/$weights") &&
  printf '\377\377\377\377%.0s' {1..512} | dd of="$work/broken/$weights" bs=1 seek=$((size / 2)) conv=notrunc status=none
expect "NaN weights" 4 "" draw -m "$work/broken" -o "$work/target/x.png"
check "no failure left a file" nothing_left

# A full disk
if [ "$(id -u)" -eq 0 ] && mkdir "$work/small" && mount -t tmpfs -o size=64k tmpfs "$work/small" 2>/dev/null; then
  expect "full disk" 3 "No space left" draw -m "$tiny" -o "$work/small/x.png"
  check "a full disk keeps no half file" [ -z "$(find "$work/small" -mindepth 1)" ]
else
  (ulimit -f 16 && expect "full disk" 3 "x.png" draw -m "$tiny" -o "$work/target/x.png" && [ $failed -eq 0 ]) || bad "full disk"
  check "a full disk keeps no half file" nothing_left
fi

# Ctrl-C
"$sd35" generate --json -m "$tiny" -p cat -W 512 -H 512 --steps 1000 -o "$work/target/x.png" >"$work/json" 2>"$work/err" &
pid=$!
for _ in $(seq 200); do
  grep -q '"stage":"denoise"' "$work/json" && break
  sleep 0.05
done
kill -INT $pid
wait $pid
check "interrupted" [ $? -eq 130 ]
check "an interruption leaves nothing" nothing_left

finish
