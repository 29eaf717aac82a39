#!/usr/bin/env bash
# sd35 convert, from the outside: convert_test.sh SD35
set -u
sd35=$(realpath "$1")
work=$(mktemp -d)
trap 'cleanup' EXIT
cleanup() {
  mountpoint -q "$work/small" 2>/dev/null && umount "$work/small"
  rm -rf "$work"
}
source "$(dirname "$0")/checks.sh"
# fails CODE TEXT COMMAND...: exit code, one line on stderr that begins "sd35: " and holds TEXT
fails() {
  local code=$1 text=$2
  shift 2
  "$@" >"$work/out" 2>"$work/err"
  [ $? -eq "$code" ] && grep -v '^convert' "$work/err" >"$work/message"
  [ "$(wc -l <"$work/message")" -eq 1 ] && grep -q '^sd35: ' "$work/message" && grep -qF -- "$text" "$work/message"
}
draw() { "$sd35" generate --quiet --dtype f32 -p "a red cube" -W 256 -H 256 --steps 2 --max-sequence-length 16 -s 5 "$@"; }
nothing_left() { [ -z "$(find "$work/target" -mindepth 1)" ]; }

mkdir "$work/target"
tiny=$work/tiny
"$sd35" make-random-model --size tiny --dtype f32 --seed 7 --quiet -o "$tiny" || exit 1

# The same weights draw the same picture, wherever they lie. A recipe would name the files.
for form in folder single gguf; do mkdir "$work/$form"; done
cp -r "$tiny" "$work/folder/model.gguf"
"$sd35" convert "$tiny" "$work/single/model.gguf" --layout single -t f32 >"$work/table" 2>/dev/null
"$sd35" convert "$tiny" "$work/gguf/model.gguf" -t f32 --quiet
check "a table says what became what" grep -qE '^transformer +linear layers +f32 ' "$work/table"
for form in folder single gguf; do
  (cd "$work/$form" && ln -s "$tiny" tokens && draw -m model.gguf --tokenizers tokens --no-metadata -o picture.png)
  check "draw from $form" cmp "$work/folder/picture.png" "$work/$form/picture.png"
done

# A folder in fp8 is smaller and draws what its values draw in bf16.
"$sd35" convert "$tiny" "$work/bf16" -t bf16 --quiet
check "convert to fp8" "$sd35" convert "$tiny" "$work/fp8" -t fp8 --quiet
check "inspect it" sh -c "'$sd35' inspect '$work/fp8' | grep -qE '^transformer .* f8_e4m3$'"
size_of_weights() { stat -c %s "$work/$1/transformer/diffusion_pytorch_model.safetensors"; }
check "is small" [ "$(size_of_weights fp8)" -lt "$(($(size_of_weights bf16) * 8 / 10))" ]
check "widen it" "$sd35" convert "$work/fp8" "$work/wide" -t bf16 --quiet
for form in fp8 wide; do
  mkdir "$work/of-$form"
  (cd "$work/of-$form" && ln -s "../$form" m && draw -m m --quantize none --no-metadata -o picture.png)
done
check "the same picture" cmp "$work/of-fp8/picture.png" "$work/of-wide/picture.png"
check "kept in 8 bits" draw -m "$work/fp8" -o "$work/fp8.png"

# Every type draws.
for type in q8_0 q4_0 q4_1 q5_0 q5_1 f16; do
  check "convert to $type" "$sd35" convert "$tiny" "$work/m-$type.gguf" -t $type --quiet
  check "draw from $type" draw -m "$work/m-$type.gguf" --tokenizers "$tiny" -o "$work/$type.png"
done
for type in nf4 nf4-dq fp8 bf16; do
  check "convert to $type" "$sd35" convert "$tiny" "$work/m-$type" -t $type --quiet
  check "draw from $type" draw -m "$work/m-$type" -o "$work/$type.png"
done
check "smaller types are other pictures" sh -c "! cmp -s '$work/q4_0.png' '$work/folder/picture.png'"

# Components alone, in place of a model's
check "transformer alone" "$sd35" convert "$tiny" "$work/t.gguf" -t q8_0 -c transformer --quiet
check "T5 alone" "$sd35" convert "$tiny" "$work/t5.gguf" -t q8_0 -c t5xxl --quiet
check "autoencoder alone" "$sd35" convert "$tiny" "$work/vae.safetensors" -t f32 -c vae --quiet
check "replace" draw -m "$tiny" --transformer "$work/t.gguf" --t5xxl "$work/t5.gguf" -o "$work/replaced.png"
check "a transformer of GGUF with the rest" draw -m "$work/t.gguf" --clip-l "$tiny/text_encoder" --clip-g \
  "$tiny/text_encoder_2" --t5xxl "$work/t5.gguf" --vae "$work/vae.safetensors" --tokenizers "$tiny" -o "$work/parts.png"
check "a replay of the files" draw --from-image "$work/replaced.png" -m "$tiny" --transformer "$work/t.gguf" --t5xxl "$work/t5.gguf" -o "$work/again.png"
check "and draws the same bytes" cmp "$work/replaced.png" "$work/again.png"
check "inspect" sh -c "'$sd35' inspect '$work/t.gguf' | grep -q q8_0"
check "inspect a picture" sh -c "'$sd35' inspect '$work/replaced.png' | grep -q 'prompt  *a red cube'"
check "inspect a picture as JSON" sh -c "'$sd35' inspect '$work/replaced.png' --json | grep -q '\"prompt\": \"a red cube\"'"

# The model's own size, shift and scale are kept, whatever the form.
cp -r "$tiny" "$work/own"
sed -i 's/"sample_size": 32/"sample_size": 8/' "$work/own/transformer/config.json"
sed -i 's/"scaling_factor": 1.5305/"scaling_factor": 0.37/' "$work/own/vae/config.json"
sed -i 's/"shift": 3.0/"shift": 6.0/' "$work/own/scheduler/scheduler_config.json"
own_size() { "$sd35" generate --quiet --dtype f32 -p cat -s 5 --steps 1 --max-sequence-length 16 "$@"; }
check "own size from the folder" own_size -m "$work/own" -o "$work/own.png"
check "is 64 pixels" sh -c "'$sd35' inspect '$work/own.png' | grep -q '64 x 64'"
"$sd35" convert "$work/own" "$work/own.safetensors" --quiet
"$sd35" convert "$work/own.safetensors" "$work/own.gguf" --quiet
mkdir "$work/recipe"
for form in own own.safetensors own.gguf; do
  ln -sfn "$work/$form" "$work/recipe/model"
  (cd "$work/recipe" && own_size -m model --tokenizers "$tiny" --no-metadata -o "$form.png")
  check "own settings from $form" cmp "$work/recipe/own.png" "$work/recipe/$form.png"
done
check "own settings with a part by file" own_size -m "$work/own" --vae "$work/own/vae/diffusion_pytorch_model.safetensors" \
  --transformer "$work/own/transformer/diffusion_pytorch_model.safetensors" -o "$work/parts-own.png"
check "as it is keeps the bytes" sh -c "
  '$sd35' convert '$work/own.safetensors' '$work/own-2' --tokenizers '$tiny' --quiet &&
  cmp '$work/own/vae/diffusion_pytorch_model.safetensors' '$work/own-2/vae/diffusion_pytorch_model.safetensors'"

# What a person gets wrong
check "blocks as they are in a folder" fails 2 "--type" "$sd35" convert "$work/t.gguf" "$work/target/m"
check "unknown type" fails 2 "known: f32" "$sd35" convert "$tiny" "$work/target/m" -t q3_k
check "blocks in a folder" fails 2 "GGUF" "$sd35" convert "$tiny" "$work/target/m" -t q8_0
check "output there" fails 2 "exists already" "$sd35" convert "$tiny" "$work/t.gguf" -t q8_0
check "missing input" fails 3 "no such file" "$sd35" convert "$work/none" "$work/target/m" -t bf16
check "missing component" fails 3 "vae" "$sd35" convert "$work/t.gguf" "$work/target/m" -t bf16 -c transformer,vae
check "missing folder" fails 3 "nowhere" "$sd35" convert "$tiny" "$work/nowhere/m.gguf" -t bf16
head -c 3000 "$work/t.gguf" >"$work/cut.gguf"
check "a file cut off" fails 3 "cut.gguf" "$sd35" convert "$work/cut.gguf" "$work/target/m" -t bf16
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n' >"$work/lfs.gguf"
check "a pointer" fails 3 "git lfs pull" draw -m "$tiny" --transformer "$work/lfs.gguf" -o "$work/target/x.png"
check "inspect says the same" fails 3 "git lfs pull" "$sd35" inspect "$work/lfs.gguf"
check "no autoencoder" fails 3 "vae" draw -m "$work/t.gguf" --tokenizers "$tiny" -o "$work/target/x.png"
convert_with() { "$sd35" convert "$tiny" "$work/target/$1" --quiet "${@:2}"; }
"$sd35" convert "$tiny" "$work/l.safetensors" -c clip_l --quiet
"$sd35" convert "$tiny" "$work/g.safetensors" -c clip_g --quiet
for output in m m.safetensors m.gguf; do
  check "another encoder, $output" fails 3 "--clip-l $tiny/text_encoder_2" convert_with $output --clip-l "$tiny/text_encoder_2"
done
check "two encoders in one's place" fails 3 "are 384 wide together" convert_with m --clip-l "$tiny/text_encoder_2"
check "named parts that fit" convert_with ../fitting --clip-l "$work/l.safetensors" --clip-g "$work/g.safetensors"
mkdir "$work/empty" && cp -r "$tiny" "$work/many"
check "no tokenizers" fails 3 "'$work/empty' lacks tokenizer/vocab.json" convert_with m --tokenizers "$work/empty"
rm -r "$work/many/tokenizer"
"$sd35" train-tokenizer --kind clip --input "$(dirname "$0")"/*.sh --vocab-size 1200 --quiet -o "$work/many/tokenizer" || exit 1
check "another vocabulary" fails 3 "the tokenizer in '$work/many/tokenizer' has" convert_with m --tokenizers "$work/many"
check "as generate says it" fails 3 "the tokenizer in '$work/many/tokenizer' has" \
  draw -m "$tiny" --tokenizers "$work/many" -o "$work/target/x.png"
check "no tokenizers to draw with" fails 3 "'$work/empty' lacks tokenizer/vocab.json" \
  draw -m "$tiny" --tokenizers "$work/empty" -o "$work/target/x.png"
check "no failure left a file" nothing_left

# A full disk
if [ "$(id -u)" -eq 0 ] && mkdir "$work/small" && mount -t tmpfs -o size=1m tmpfs "$work/small" 2>/dev/null; then
  for output in m m.gguf m.safetensors; do
    check "full disk, $output" fails 3 "cannot write '$work/small/$output" "$sd35" convert "$tiny" "$work/small/$output" -t f32
    check "and why, $output" grep -q "No space left" "$work/message"
    check "a full disk keeps nothing of $output" [ -z "$(find "$work/small" -mindepth 1)" ]
  done
else
  for output in m m.gguf m.safetensors; do
    (ulimit -f 256 && fails 3 "cannot write '$work/target/$output" "$sd35" convert "$tiny" "$work/target/$output" -t f32)
    check "full disk, $output" [ $? -eq 0 ]
    check "a full disk keeps nothing of $output" nothing_left
  done
fi

# Ctrl-C: a pipe that nobody reads holds the program at its first line of progress.
mkfifo "$work/pipe"
# A folder is visible; a file has no name before it is whole, but is open.
on_its_way() { [ -n "$(find "$work/target" -mindepth 1)" ] || ls -l "/proc/$1/fd" 2>/dev/null | grep -qF "$work/target/"; }
exec 3<>"$work/pipe"
for output in m m.gguf; do
  head -c 65536 /dev/zero | tr '\0' '\n' >&3
  "$sd35" convert "$tiny" "$work/target/$output" -t f32 2>&3 >/dev/null &
  pid=$!
  for _ in $(seq 200); do
    on_its_way $pid && break
    sleep 0.05
  done
  check "output is on its way" on_its_way $pid
  kill -INT $pid
  cat <&3 >/dev/null &
  reader=$!
  wait $pid
  check "interrupted" [ $? -eq 130 ]
  kill $reader
  wait $reader 2>/dev/null
  check "an interruption leaves nothing" nothing_left
done

finish
