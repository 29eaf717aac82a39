#!/usr/bin/env bash
# What a person types, from the outside: arguments_test.sh SD35 REPOSITORY
set -u
sd35=$(realpath "$1") repository=$(realpath "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$(dirname "$0")/checks.sh"
tiny=$work/tiny
"$sd35" make-random-model --size tiny --dtype f32 --quiet -o "$tiny" || exit 1
cd "$work" || exit 1
small=(-W 32 -H 32 --steps 1 -g 1 -s 1 --max-sequence-length 16 --quiet)
draw() { "$sd35" generate -m "$tiny" "${small[@]}" -o o.png "$@"; }
# drawn TEXT COMMAND...: the picture's prompt is TEXT
drawn() {
  local text=$1
  shift
  "$@" </dev/null >"$work/out" 2>"$work/err" || return 1
  python3 - "$text" <<'END'
import json, sys, zlib
data, at, recipe = open("o.png", "rb").read(), 8, None
while at < len(data):
    size, kind = int.from_bytes(data[at:at + 4], "big"), data[at + 4:at + 8]
    chunk = data[at + 8:at + 8 + size]
    if kind == b"tEXt" and chunk.startswith(b"sd35\0"): recipe = chunk[5:].decode("latin-1")
    if kind == b"iTXt" and chunk.startswith(b"sd35\0"): recipe = chunk.split(b"\0", 5)[5].decode()
    at += size + 12
prompt = json.loads(recipe)["generate"]["prompt"]
if prompt != sys.argv[1]: sys.exit(f"the prompt is {prompt!r}")
END
}

# A prompt without quotes
check "an option" drawn "a cat" draw -p "a cat"
check "with an equals sign" drawn "a cat" draw "--prompt=a cat"
check "words" drawn "a red cat" draw a red cat
check "words among options" drawn "a red cat" draw a --sampler heun red --no-t5 cat
check "words behind a list" drawn "a cat" draw --skip-layers 1 2 a cat
check "words behind an interval" drawn "3 cats" draw --guidance-interval 0.1,0.7 3 cats
check "one quoted text" drawn "a red  cat" draw "a red  cat"
check "an empty text" drawn "" draw ""
check "names of commands" drawn "train help inspect" draw train help inspect
check "brackets" drawn "[cat] {dog}" draw "[cat]" "{dog}"
check "a dash and a number" drawn "-40 degrees" draw -40 degrees
check "a dash and blanks" drawn "-cold- and --wet--" draw "-cold- and --wet--"
check "a dash alone in a text" drawn "cats - dogs" draw cats - dogs
check "behind two dashes" drawn "--sed -x" draw -- --sed -x
check "an option that looks like one" drawn "--help" draw -p --help
check "an equals sign" drawn "a=b --c=d e" draw "a=b" "--c=d e"
expect "two prompts" 2 "'cat' or 'dog'" draw -p cat -p dog
expect "words behind a prompt" 2 "quotes" draw -p a red cat
expect "two negative prompts" 2 "--negative-prompt" draw cat -n a -n b
check "the last of other options counts" drawn cat draw cat --steps 3 --steps 1
expect "no prompt" 2 "what to draw" draw

# From the standard input
check "from a pipe" drawn "a red cat" sh -c "printf 'a red cat\r\n' | '$sd35' generate -m '$tiny' ${small[*]} -o o.png -p -"
check "as a word" drawn "two
lines" sh -c "printf 'two\nlines\n\n' | '$sd35' generate -m '$tiny' ${small[*]} -o o.png -"
check "the negative one" sh -c "echo grey | '$sd35' generate -m '$tiny' ${small[*]} -o o.png cat -n -"
expect "both" 2 "only one" sh -c "echo cat | '$sd35' generate -m '$tiny' ${small[*]} -o o.png -p - -n -"
expect "a closed one" 3 "standard input" sh -c "'$sd35' generate -m '$tiny' ${small[*]} -o o.png -p - <&-"
expect "an empty one" 3 "standard input" draw -p -
expect "far too much" 3 "1 MiB" sh -c "head -c 2000000 /dev/zero | '$sd35' generate -m '$tiny' ${small[*]} -o o.png -p -"

# Numbers are read as people write them, or refused: here for every kind of number, and in other commands
check "leading zeros" drawn cat draw cat -s 010
check "are no octal" sh -c "'$sd35' generate -m '$tiny' ${small[*]} cat -o a.png && '$sd35' generate -m '$tiny' ${small[*]} cat -s 00000000000000000000000001 -o b.png && cmp a.png b.png"
check "the largest seed" draw cat -s 18446744073709551615
for seed in 18446744073709551616 99999999999999999999999999 -1 -0 +1 0x10 1e9 1.0 "" " 1" "1 " 1a one ١; do
  expect "seed '$seed'" 2 "--seed" draw cat -s "$seed"
  expect "random seed '$seed'" 2 "--seed" "$sd35" make-random-model --seed "$seed" -o never
  expect "scene seed '$seed'" 2 "--seed" "$sd35" make-dataset never -n 1 --seed "$seed"
done
for steps in 1e1 0x10 +8 8.0 "" " 8" "8 " 8a 99999999999 -99999999999 0 -0 -1 1001; do
  expect "steps '$steps'" 2 "steps" draw cat --steps "$steps"
done
for number in nan inf -inf NaN 1e999 0x1p3 1,5 "" " 1" "1 " 1x +1; do
  expect "scale '$number'" 2 "--guidance-scale" draw cat -g "$number"
  expect "shift '$number'" 2 "--shift" draw cat --shift "$number"
  expect "block cache '$number'" 2 "--block-cache" draw cat --block-cache "$number"
  [ "$number" = 1,5 ] || expect "interval '$number'" 2 "--guidance-interval" draw cat --guidance-interval "$number" 0.5
done
for option in width height count max-sequence-length; do
  for number in 0 -0 -16 1e3 0x20 99999999999999999999; do expect "$option $number" 2 "" draw cat --$option "$number"; done
done
expect "layers" 2 "--skip-layers" draw cat --skip-layers 1,x
expect "a layer too many" 2 "layer 99" draw cat -g 4 --skip-layers 1,99
expect "a weight" 2 "not a number" draw cat --lora x.safetensors:much
expect "an infinite weight" 2 "not a number" draw cat --lora x.safetensors:inf
expect "threads" 2 "--threads" draw cat --threads 2x
expect "a vocabulary" 2 "--vocab-size" "$sd35" train-tokenizer --kind t5 --input x -o never --vocab-size 010k
expect "a share of characters" 2 "--character-coverage" "$sd35" train-tokenizer --kind t5 --input x -o never --character-coverage inf
expect "scenes" 2 "--count" "$sd35" make-dataset never -n 1e3
expect "bytes for gigabytes" 2 "did you mean 4GB" draw cat --max-memory 4
expect "no unit" 2 "as in 4GB" draw cat --max-memory 4XB
for size in 0 -4GB nan inf 0x10GB 1e99GB "" GB; do expect "memory '$size'" 2 "as in 4GB" draw cat --max-memory "$size"; done
check "an interval with a blank" draw cat -g 4 --guidance-interval 0.1 0.7
check "and with a comma" draw cat -g 4 --guidance-interval 0.1,0.7
check "and with an equals sign" draw cat -g 4 --guidance-interval=0.1,0.7
expect "one number" 2 "0.1,0.7" draw cat --guidance-interval 0.1
expect "three numbers" 2 "" draw cat --guidance-interval 0.1,0.7,0.9
expect "backwards" 2 "in order" draw cat --guidance-interval 0.7,0.1
expect "a shift beyond" 2 "0.01 to 100" draw cat --shift 101
check "a shift by size" draw cat --steps 2 --shift auto -o auto.png
check "is kept as a number" grep -aq '"shift":0.09375' auto.png
expect "a shift by something else" 2 "--shift: 'automatic' is not a number" draw cat --shift automatic
check "three numbers of APG" draw cat -g 4 --apg 0,15,-0.5
check "and with an equals sign" draw cat -g 4 --apg=0,15,-0.5
expect "two of them" 2 "apg takes three numbers" draw cat -g 4 --apg 0,15
expect "two forms of guidance" 2 "use one of them" draw cat -g 4 --apg 0,15,-0.5 --cfg-zero
check "a preset" sh -c "'$sd35' generate -m '$tiny' -W 32 -H 32 --max-sequence-length 16 --quiet cat --preset turbo --steps 2 -o preset.png && grep -aq '\"num_inference_steps\":2,\"guidance_scale\":1.0' preset.png"
expect "an unknown preset" 2 "known: turbo" draw cat --preset warp
check "a shift" draw cat --steps 2 --shift 5 -o shifted.png
check "over a recipe" sh -c "SD35_MODEL='$tiny' '$sd35' generate --from-image shifted.png --preset turbo --quiet -o turbo.png && grep -aq '\"num_inference_steps\":8,' turbo.png"
check "is kept" sh -c "SD35_MODEL='$tiny' '$sd35' generate --from-image shifted.png --quiet -o again.png && cmp shifted.png again.png"
check "and can be changed" sh -c "SD35_MODEL='$tiny' '$sd35' generate --from-image shifted.png --shift 3 --quiet -o other.png && ! cmp -s shifted.png other.png"

# Types by all of their names
for name in f32 fp32 float32 torch.float32 F32; do check "type $name" draw cat --dtype $name; done
check "the recipe has one name" sh -c "grep -aq '\"dtype\":\"f32\"' o.png"
for name in bf16 bfloat16 torch.bfloat16; do check "type $name" draw cat --dtype $name; done
for name in f16 fp16 float16 half int8 f64; do expect "type '$name'" 2 "possible are f32, bf16" draw cat --dtype "$name"; done
for name in f16 half float32; do check "noise $name" draw cat --noise-dtype $name; done
expect "noise" 2 "possible are f32, f16, bf16" draw cat --noise-dtype fp8
check "a random model" "$sd35" make-random-model --dtype float16 --quiet -o half
expect "a random model of" 2 "possible are f32, f16, bf16" "$sd35" make-random-model --dtype fp8 -o never
check "converted" "$sd35" convert "$tiny" brain --type bfloat16 --quiet
expect "converted to" 2 "known: f32, f16, bf16, fp8" "$sd35" convert "$tiny" never --type warp
check "weights" draw cat --quantize int8
expect "weights of" 2 "known: int8, nf4" draw cat --quantize fp8

# Nothing at all, as from an unset variable of a script: refused by every option and argument that is not a
# text
expect "no format" 2 "--quantize: it needs a value; its help: Keep the denoiser's weights in fewer bits: int8 (the fastest), nf4" draw cat --quantize ""
expect "no type of noise" 2 "--noise-dtype: it needs a value; its help: Type of those numbers: f32, f16 or bf16" draw cat --noise-dtype ""
expect "behind an equals sign" 2 "--quantize: it needs a value" draw --quantize= cat
check "an empty text behind an equals sign" drawn "" draw --prompt= --steps 1
for option in model output preview profile dtype sampler engine device keep lora attach-lora vae tokenizers packed prompt-cache from-image; do
  expect "no $option" 2 "--$option: it needs a value" draw cat --$option ""
done
for option in model preview dtype keep attach-lora vae packed prompt-cache from-image; do
  expect "$option and no value" 2 "--$option: it needs a value before -o; its help: " draw cat --$option -o never.png
done
expect "no value before a long option" 2 "--prompt-cache: it needs a value before --packed" draw cat --prompt-cache --packed never
check "the standard output is a value" sh -c "'$sd35' generate -m '$tiny' ${small[*]} cat -o - >piped.png && [ -s piped.png ]"
check "empty texts" drawn "" draw -p "" -n "" --prompt-2 "" --negative-prompt-3 ""
expect "no folder to convert to" 2 "output: it needs a value" "$sd35" convert "$tiny" ""
expect "no folder to pack in" 2 "output: it needs a value" "$sd35" convert "$tiny" "" --packed
expect "no type to convert to" 2 "--type: it needs a value; its help: f32, f16, bf16, fp8" "$sd35" convert "$tiny" never -t ""
expect "no layout" 2 "--layout: it needs a value; its help: diffusers" "$sd35" convert "$tiny" never --layout ""
expect "no component" 2 "--component: it needs a value; its help: Of transformer" "$sd35" convert "$tiny" never -c ""
expect "no random model" 2 "--output: it needs a value" "$sd35" make-random-model -o ""
expect "no tokenizer" 2 "--output: it needs a value" "$sd35" train-tokenizer --kind t5 --input "$repository/README.md" -o ""
expect "no scenes" 2 "output: it needs a value" "$sd35" make-dataset "" -n 1
expect "no captions" 2 "--captions: it needs a value" "$sd35" make-dataset never -n 1 --captions ""
expect "no report" 2 "--output: it needs a value" "$sd35" evaluate -m "$tiny" --prompts "$repository/README.md" -o ""
expect "no path" 2 "path: it needs a value" "$sd35" inspect ""
check "nothing was made" [ ! -e never ]

# Engines of the program beside this one are engines too
engines="native, ref"
[ -x "$(dirname "$sd35")/sd35-torch" ] && engines="native, ref, torch"
expect "an engine" 2 "unknown engine 'x'; known: $engines" draw cat --engine x
expect "with an equals sign" 2 "known: $engines" draw cat --engine=x
expect "a device" 2 "not on 'cuda'; known engines: $engines" draw cat --device cuda

# Mistyped
expect "an option" 2 "did you mean --seed?" draw cat --sed 1
expect "two letters swapped" 2 "did you mean --steps?" draw cat --setps 1
expect "an option of diffusers" 2 "here it is --steps" draw cat --num-inference-steps 1
expect "a size in one" 2 "here it is --width and --height" draw cat --size 32x32
expect "an option cut short" 2 "did you mean --guidance-" draw cat --guidance 1
expect "of another command" 2 "did you mean --component?" "$sd35" convert a b --componet vae
expect "like nothing" 2 "unknown option --frobnicate" draw cat --frobnicate
expect "a short one" 2 "unknown option -x" draw cat -x
expect "a command" 2 "did you mean generate?" "$sd35" generat cat
expect "a command like nothing" 2 "generate, inspect" "$sd35" frobnicate
expect "an option ahead of the command" 2 "" "$sd35" --quiet generate cat
expect "nothing at all" 2 "generate, inspect" "$sd35"
expect "too many" 2 "extra" "$sd35" inspect "$tiny" extra

# Help
helps() { "$@" >out 2>err && [ ! -s err ] && grep -q "Usage: \|usage: " out; }
for command in "" generate serve pull inspect convert make-random-model make-dataset evaluate train train-tokenizer; do
  check "help $command" helps "$sd35" help $command
  check "$command --help" helps "$sd35" $command --help
  check "$command -h" helps "$sd35" $command -h
done
expect "help of nothing" 2 "did you mean train?" "$sd35" help trian
check "help has examples" sh -c "'$sd35' help generate | grep -q '^Examples:'"

# Every option of the library, as docs/options.md lists them
"$sd35" generate --help >help
"$sd35" evaluate --help >help-evaluate
documented=$(grep -oE '^\| `[a-z0-9_.]+` \| `[^`]+`' "$repository/docs/options.md" | sed -E 's/.*`([^`]+)`$/\1/')
check "options are listed" [ "$(wc -w <<<"$documented")" -ge 40 ]
for names in $documented; do
  check "$names of generate" grep -q -- "^  $names\\b" help
  case $names in
    -p,--prompt | --prompt-[23] | --count | --preview-with) ;;
    *) check "$names of evaluate" grep -q -- "^  $names\\b" help-evaluate ;;
  esac
done
expect "a step too many" 2 "num_inference_steps is 1001; it must be 1 to 1000 (--steps)" draw cat --steps 1001

# A model of the environment
check "a default model" sh -c "SD35_MODEL='$tiny' '$sd35' generate ${small[*]} cat -o e.png"
expect "none" 2 "SD35_MODEL" env -u SD35_MODEL "$sd35" generate cat
check "an option beats it" sh -c "SD35_MODEL=/nowhere '$sd35' generate -m '$tiny' ${small[*]} cat -o e.png"
check "a recipe finds it" sh -c "SD35_MODEL='$tiny' '$sd35' generate --from-image e.png --quiet -o f.png"
expect "none for a recipe" 3 "say with --model" sh -c "mkdir elsewhere && cd elsewhere && SD35_MODEL=/nowhere '$sd35' generate --from-image ../e.png"

# Prompts that mean something else elsewhere
warns() { "$sd35" generate --dtype f32 -m "$tiny" -W 32 -H 32 --steps 1 -s 1 -o o.png "$@" 2>err >out && grep "warning" err | grep -v "trained for" >warned; }
check "a LoRA" warns 'a cat <lora:my-style:0.8>' --max-sequence-length 16
check "is one warning" [ "$(wc -l <warned)" -eq 1 ]
check "that names the option" grep -q -- "--lora" warned
check "a weight" warns 'a (cat:1.3)' --max-sequence-length 16
check "is one warning" [ "$(wc -l <warned)" -eq 1 ]
check "a long prompt" warns "$(printf 'cat %.0s' $(seq 300))"
check "is one warning" [ "$(wc -l <warned)" -eq 1 ]
check "with numbers" grep -q "CLIP-L and CLIP-G read 77 of [0-9]* tokens, T5 reads" warned

# What ./run says of itself
mkdir -p tools build/bin && cp "$repository/run" . && cp "$sd35" build/bin/ && printf '#!/bin/sh\n' >tools/build-program && chmod +x tools/build-program
expect_usage() { "$@" >out 2>err; [ $? -eq "$usage_code" ] && cat out err | grep -q "usage: ./run PROMPT"; }
usage_code=2 && check "./run alone" expect_usage ./run
usage_code=0 && check "./run --help" expect_usage ./run --help
check "shows the options too" grep -q -- "--guidance-scale" out
check "./run draws" sh -c "SD35_MODEL='$tiny' ./run a red cat ${small[*]} 2>err && [ ! -s err ] && [ -f out.png ]"
check "./run again" sh -c "SD35_MODEL='$tiny' ./run -p 'a red cat' ${small[*]} && [ -f out-2.png ]"
check "the same picture" sh -c "SD35_MODEL='$tiny' ./run --from-image out.png --quiet && cmp out.png out-3.png"

finish
