#!/usr/bin/env bash
# What saves time and memory without changing a picture, from the outside: memory_test.sh SD35
set -u
sd35=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$(dirname "$0")/checks.sh"
# fails CODE TEXT COMMAND...: exit code, one line on stderr that begins "sd35: " and holds TEXT
fails() {
  local code=$1 text=$2
  shift 2
  "$@" >"$work/out" 2>"$work/err"
  [ $? -eq "$code" ] && [ "$(wc -l <"$work/err")" -eq 1 ] && grep -q '^sd35: ' "$work/err" && grep -qF -- "$text" "$work/err"
}
tiny=$work/tiny
"$sd35" make-random-model --size tiny --dtype f32 --seed 7 --quiet -o "$tiny" || exit 1
draw() { "$sd35" generate -m "$tiny" -p "a red cube" -W 256 -H 256 --steps 2 --max-sequence-length 16 -s 5 "$@"; }
says() { # says TEXT COMMAND...: the command succeeds and TEXT is on its stderr
  local text=$1
  shift
  "$@" >"$work/out" 2>"$work/err" && grep -qF -- "$text" "$work/err"
}
check "plain" draw --quiet --dtype f32 --no-metadata -o "$work/plain.png"

# Encoded prompts
check "a prompt is kept" draw --quiet --dtype f32 --prompt-cache "$work/prompts" --no-metadata -o "$work/kept.png"
check "and changes nothing" cmp "$work/plain.png" "$work/kept.png"
mv "$tiny/text_encoder_3/model.safetensors" "$work/t5"
head -c 20000 "$work/t5" >"$tiny/text_encoder_3/model.safetensors"
tail -c +20001 "$work/t5" | tr '\0-\377' '\377' >>"$tiny/text_encoder_3/model.safetensors"
touch -r "$work/t5" "$tiny/text_encoder_3/model.safetensors"
check "found again it needs no weights" draw --quiet --dtype f32 --prompt-cache "$work/prompts" --no-metadata -o "$work/found.png"
check "and gives the same bytes" cmp "$work/plain.png" "$work/found.png"
mv "$work/t5" "$tiny/text_encoder_3/model.safetensors"
for segment in "$work"/prompts/*/*.segment; do
  printf x | dd of="$segment" bs=1 seek=$(($(stat -c %s "$segment") / 2)) conv=notrunc status=none
done
check "damage is a warning" says "damaged" draw --dtype f32 --prompt-cache "$work/prompts" --no-metadata -o "$work/damaged.png"
check "and no other picture" cmp "$work/plain.png" "$work/damaged.png"
echo >"$work/file"
check "no folder" fails 3 "file" draw --quiet --prompt-cache "$work/file/x" -o "$work/x.png"

# Packed weights
for quantize in none int8 nf4; do
  check "plain $quantize" draw --quiet --dtype f32 --quantize $quantize -o "$work/plain-$quantize.png"
  check "pack $quantize" "$sd35" convert "$tiny" "$work/packed" --packed --dtype f32 --quantize $quantize --quiet
  check "drawn from packed $quantize" says "denoise" draw --dtype f32 --quantize $quantize --packed "$work/packed" -o "$work/packed.png"
  check "without a word of warning" sh -c "! grep -q warning '$work/err'"
  check "the same bytes from packed $quantize" cmp "$work/plain-$quantize.png" "$work/packed.png"
done
packed="$work/packed/transformer-f32-none.safetensors"
sed -i "0,/packing 1/s//packing 0/" "$packed"
check "another machine's are packed again" says "packed again" draw --dtype f32 --quantize none --packed "$work/packed" -o "$work/anew.png"
check "with the same bytes" cmp "$work/plain-none.png" "$work/anew.png"
truncate -s -100 "$packed"
check "a cut file is packed again" says "packed again" draw --dtype f32 --quantize none --packed "$work/packed" -o "$work/anew.png"
check "with the same bytes" cmp "$work/plain-none.png" "$work/anew.png"
check "a folder that is there stays" fails 2 "exists" "$sd35" convert "$tiny" "$work/packed"
check "both type and packed" fails 2 "--packed" "$sd35" convert "$tiny" "$work/packed" --packed -t bf16

# Within a limit of memory
check "a plan is reported" says "plan: denoise" draw --dtype f32 --max-memory 2GB -o "$work/limited.png"
check "and followed again" env SD35_MODEL="$tiny" "$sd35" generate --quiet --from-image "$work/limited.png" -o "$work/again.png"
check "with the same bytes" cmp "$work/limited.png" "$work/again.png"
check "as JSON" sh -c "'$sd35' generate --json -m '$tiny' -p cat -W 256 -H 256 --steps 1 --max-memory 1.5GiB -o '$work/j.png' | grep -q '\"event\":\"memory plan\"'"
check "too little memory" fails 2 "would do" draw --quiet --max-memory 10MB -o "$work/x.png"
advice=$(draw --quiet --max-memory 10MB -o "$work/x.png" 2>&1 | grep -o -e '--max-memory [0-9.]*GB would' | cut -d ' ' -f 1,2)
check "what would do does" draw --quiet $advice -o "$work/advised.png"
check "no size" fails 2 "as in 4GB" draw --quiet --max-memory lots -o "$work/x.png"
check "no failure left a picture" [ ! -e "$work/x.png" ]

finish
