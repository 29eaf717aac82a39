#!/usr/bin/env bash
# What the program writes and reads, from the outside: files_test.sh SD35
set -u
sd35=$(realpath "$1")
work=$(mktemp -d)
cleanup() {
  mountpoint -q "$work/small" 2>/dev/null && umount "$work/small"
  rm -rf "$work"
}
trap cleanup EXIT
source "$(dirname "$0")/checks.sh"
cd "$work" || exit 1
# At most a minute, so that a hang does not hang the test.
program() { timeout 60 "$sd35" "$@"; }
# fails CODE TEXT COMMAND...: that exit code, and one printable line that holds TEXT
fails() {
  local code=$1 text=$2
  shift 2
  "$@" >"$work/out" 2>"$work/message" </dev/null
  local got=$?
  [ $got -eq "$code" ] && [ "$(wc -l <"$work/message")" -eq 1 ] && grep -q '^sd35: ' "$work/message" &&
    grep -qF -- "$text" "$work/message" && ! LC_ALL=C grep -q '[[:cntrl:]]' "$work/message" && return
  echo "exit code $got: $(head -c 300 "$work/message")" >&2
  return 1
}
"$sd35" make-random-model --size tiny --dtype f32 --quiet -o m || exit 1
convert() { program convert m "$@" -t f16 --quiet; }
draw() { program generate --quiet -m m -p cat --steps 1 -W 32 -H 32 -g 1 -s 1 --max-sequence-length 16 --threads 1 "$@"; }
check "convert" convert whole
files=$(find whole -type f | sort | sed 's/^whole//')

# Two writers of one target: one has it whole, the other says so, and nothing else stays.
mkdir pairs
for delay in 0 0 0.02 0.05 0.1 0.2; do
  for target in z z.safetensors; do
    convert "pairs/$target" 2>first.txt &
    sleep $delay
    convert "pairs/$target" 2>second.txt
    second=$?
    wait $!
    first=$?
    cat first.txt second.txt >said.txt
    check "one of two converts to $target wins ($first, $second)" [ $((first == 0)) -ne $((second == 0)) ]
    check "the other says one line" [ "$(wc -l <said.txt)" -eq 1 ]
    check "the line is clear: $(cat said.txt)" grep -qE "^sd35: 'pairs/$target' (exists already|was made by another program)" said.txt
    check "nothing else stays: $(ls -A pairs)" [ "$(ls -A pairs)" = "$target" ]
    if [ -d "pairs/$target" ]; then
      check "the model is whole" [ "$(find "pairs/$target" -type f | sort | sed "s/^pairs.$target//")" = "$files" ]
    else
      check "the file is whole" "$sd35" inspect "pairs/$target" >/dev/null
    fi
    rm -r "pairs/$target"
  done
done

# What only looks like a temporary is the user's.
mkdir own.incomplete own.tmp .sd35-own.tmp
for folder in own.incomplete own.tmp .sd35-own.tmp; do echo precious >$folder/notes; done
check "convert beside them" convert own
check "they stay" cat own.incomplete/notes own.tmp/notes .sd35-own.tmp/notes >/dev/null
rm -r own own.incomplete own.tmp .sd35-own.tmp

# A writer that is killed leaves nothing that the next one does not remove, and no half of a target.
mkdir killed
for delay in 0.05 0.1 0.2 0.3; do
  for target in z z.safetensors z.gguf; do
    "$sd35" convert m "killed/$target" -t f16 --quiet &
    sleep $delay
    kill -9 $! 2>/dev/null
    wait $! 2>/dev/null
    [ -e "killed/$target" ] || check "convert again" convert "killed/$target"
    check "only the target stays: $(ls -A killed)" [ "$(ls -A killed)" = "$target" ]
    check "and can be read" "$sd35" inspect "killed/$target" >/dev/null
    rm -r "killed/$target"
  done
done

# What cannot be written is reported at once: before the model, which does not exist, is looked at.
long=$(printf 'n%.0s' $(seq 252))
ln -s loop loop
check "a name too long" fails 3 "File name too long" draw -m none -o "$long.png"
check "a loop of links" fails 3 "symbolic links" draw -m none -o loop/x.png
check "a folder with a long name" fails 3 "File name too long" convert "$long$long"
check "a folder in a loop" fails 3 "symbolic links" convert loop/x
echo "a red cat" >texts
tokenizer() { program train-tokenizer --quiet --kind clip --vocab-size 600 "$@"; }
check "a tokenizer with a long name" fails 3 "File name too long" tokenizer --input texts -o "$long$long"
check "a tokenizer in a loop" fails 3 "symbolic links" tokenizer --input texts -o loop/x
check "a tokenizer in a file" fails 3 "Not a directory" tokenizer --input texts -o texts/x
: >empty
tokenizer --input empty -o above/new 2>/dev/null
check "a tokenizer that failed leaves no folder" [ ! -e above ]
check "--packed in a file" fails 3 "Not a directory" program convert m texts/x --packed --quiet
check "--packed in a loop" fails 3 "symbolic links" program convert m loop/x --packed --quiet
check "--prompt-cache in a loop" fails 3 "symbolic links" draw --prompt-cache loop/x -o x.png

# Pipes and devices are not waited for.
mkfifo pipe
for path in pipe /dev/zero; do
  check "--from-image $path" fails 3 "not a regular file" program generate --from-image $path -o x.png
  check "--lora $path" fails 3 "not a regular file" draw --lora $path -o x.png
  check "-o $path" fails 2 "ends in .png" draw -o $path
done
mkfifo pipe.png
check "-o pipe.png" fails 3 "not a regular file" draw -o pipe.png

# What a picture was drawn with, and is missing when it is drawn again: the option that names it again.
cat >lora.py <<'END'
import json, struct
names = [f"transformer.transformer_blocks.0.attn.to_q.lora_{side}.weight" for side in "AB"]
width = json.load(open("m/transformer/config.json"))["num_attention_heads"] * json.load(open("m/transformer/config.json"))["attention_head_dim"]
shapes, header, data = [[1, width], [width, 1]], {}, struct.pack(f"<{2 * width}f", *[0.1] * (2 * width))
for i, name in enumerate(names):
    header[name] = {"dtype": "F32", "shape": shapes[i], "data_offsets": [i * 4 * width, (i + 1) * 4 * width]}
text = json.dumps(header).encode()
open("style.safetensors", "wb").write(struct.pack("<Q", len(text)) + text + data)
END
python3 lora.py
cp style.safetensors other.safetensors
# A folder as PEFT saves it, whose strength is twice that of the tensors alone.
mkdir peft && cp style.safetensors peft/adapter_model.safetensors
printf '{"peft_type": "LORA", "r": 1, "lora_alpha": 2, "bias": "none"}' >peft/adapter_config.json
check "a folder" draw --lora peft/ --dtype f32 -o peft.png
check "at its strength" draw --lora style.safetensors:2 --dtype f32 -o twice.png
check "is twice as strong" python3 -c 'import sys; read = lambda name: (lambda d: d[d.index(b"IDAT"):])(open(name, "rb").read()); sys.exit(read("peft.png") != read("twice.png"))'
check "is drawn again" sh -c "'$sd35' generate --quiet --from-image peft.png -o again.png && cmp again.png peft.png"
printf '{"r": 1, "lora_alpha": 2, "use_dora": true}' >peft/adapter_config.json
check "of another kind" fails 3 "peft/adapter_config.json: 'use_dora' says that it is DoRA" draw --lora peft -o x.png
mkdir nothing
check "an empty folder" fails 3 "a folder of a LoRA holds adapter_model.safetensors" draw --lora nothing -o x.png
for option in lora attach-lora; do
  check "--$option" draw --$option style.safetensors:0.5 --$option other.safetensors -o $option.png
done
cp -r m/vae autoencoder
check "a part" draw --vae autoencoder -o part.png
check "a model alone" draw -o plain.png
mkdir moved && mv style.safetensors autoencoder m moved/
again() { program generate --quiet --from-image "$@" -o again.png; }
check "the model is gone" fails 3 "plain.png: it was drawn with the model 'm', which is not there; say with --model" again plain.png
for option in lora attach-lora; do
  check "its file for --$option" fails 3 "$option.png: it was drawn with the LoRA 'style.safetensors', which is not there; say with --$option FILE:0.5" again $option.png -m moved/m
  check "named again" again $option.png -m moved/m --$option moved/style.safetensors:0.5 --$option other.safetensors
  check "a wrong name is that of the command line" fails 3 "'none.safetensors'" again $option.png -m moved/m --$option none.safetensors
done
check "its autoencoder is gone" fails 3 "part.png: it was drawn with --vae 'autoencoder'" again part.png -m moved/m
check "and named again" again part.png -m moved/m --vae moved/autoencoder
mv moved/m m

# Names do not reach the terminal as they are.
check "a model's name" fails 3 '\x1b]0;title\x07' draw -m $'m\e]0;title\a\n' -o x.png
check "an option's name" fails 2 '' program generate $'--\e[2J'
name=$'a\e]0;title\a.png'
draw -o "$name" >out
check "the picture is there" [ -f "$name" ]
"$sd35" generate -m m -p cat --steps 1 -W 32 -H 32 --max-sequence-length 16 -o "$name" >out 2>&1
check "its name is shown: $(cat -v out)" sh -c "grep -qF '\\x1b]0;title\\x07.png' out && ! grep -q '$(printf '\033')' out"

# A full disk.
if [ "$(id -u)" -eq 0 ] && mkdir small && mount -t tmpfs -o size=64k tmpfs small 2>/dev/null; then
  check "a folder on a full disk" fails 3 "cannot write 'small/z/" convert small/z
  check "and why" grep -q "No space left" message
  check "a random model on one" fails 3 "cannot write 'small/r/" program make-random-model --quiet -o small/r
  head -c 65000 /dev/zero >small/fill
  check "a tokenizer on a full disk" fails 3 "cannot write 'small/t/" tokenizer --input texts -o small/t
  check "and why" grep -q "No space left" message
  rm -f small/fill
  check "nothing stays" [ -z "$(ls -A small)" ]
fi

finish
