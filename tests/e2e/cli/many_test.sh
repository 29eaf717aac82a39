#!/usr/bin/env bash
# Files of prompts, sheets, marks, and pictures of other programs, from the outside: many_test.sh SD35
set -u
sd35=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$(dirname "$0")/checks.sh"
"$sd35" make-random-model --size tiny --dtype f32 --seed 7 --quiet -o "$work/tiny" || exit 1
mkdir "$work/here" && cd "$work/here" || exit 1
export LC_ALL=C SD35_MODEL=$work/tiny
small=(--dtype f32 -W 32 -H 32 --steps 1 --max-sequence-length 16)
draw() { "$sd35" generate --quiet "${small[@]}" "$@"; }
says() { "$sd35" generate "${small[@]}" "$@" 2>err; }
holds() { # holds FOLDER NAME...: these and nothing else
  local folder=$1
  shift
  [ "$(ls -A "$folder" | tr '\n' ' ')" = "$(printf '%s\n' "$@" | sort | tr '\n' ' ')" ]
}

# A file of prompts
cat >prompts.txt <<'END'
a red cube

{"prompt": "a cat", "seed": 40, "width": 48, "guidance_scale": 2, "num_inference_steps": 2}
a dog
END
check "a file of prompts" draw --prompts prompts.txt -o all
check "a picture a line" holds all 000000.png 000002.png 000003.png
draw -p "a red cube" -s 0 -o alone.png
check "the first is that of its seed" cmp alone.png all/000000.png
draw -p "a cat" -s 40 -W 48 -g 2 --steps 2 -o alone.png
check "a line's options win" cmp alone.png all/000002.png
draw -p "a dog" -s 3 -o alone.png
check "the seed is the line's number" cmp alone.png all/000003.png
draw --prompts prompts.txt -s 100 -o other/
draw -p "a dog" -s 103 -o alone.png
check "beyond --seed" cmp alone.png other/000003.png
says --prompts prompts.txt -o once >out
check "one load" [ "$(grep -c '^load transformer' err)" -eq 1 ]
draw --prompts - -o piped <prompts.txt
check "from a pipe" cmp all/000003.png piped/000003.png
draw --prompts - -p "a dog" -o base <<<$'\n\n\n{"width": 32}'
check "what a line lacks is that of the command line" cmp all/000003.png base/000003.png
draw --prompts prompts.txt --format webp -o webp
check "another format" holds webp 000000.webp 000002.webp 000003.webp

# What is there is done
rm all/000002.png
echo mine >all/000000.png
check "says what was there" [ "$(says --prompts prompts.txt -o all | tail -1)" = "1 drawn, 2 were there" ]
check "and leaves it alone" [ "$(cat all/000000.png)" = mine ]
check "draws what is missing" cmp all/000002.png other/000002.png
check "nothing to do" [ "$(says --prompts prompts.txt -o all)" = "0 drawn, 3 were there" ]
check "in JSON" sh -c "'$sd35' generate ${small[*]} --json --prompts prompts.txt -o all | tail -1 | grep -qx '{\"event\":\"finished\",\"drawn\":0,\"there\":3}'"

# Parts of it
for part in 0 1 2; do draw --prompts prompts.txt --shard $part/3 -s 100 -o shards & done
wait
check "three programs draw it all" diff -r shards other
check "each its lines" [ "$(says --prompts prompts.txt --shard 0/3 -o part | tail -1)" = "2 drawn, 0 were there" ]
check "are those" holds part 000000.png 000003.png

# What cannot be is said before anything is drawn
broken() { printf "a cat\n$1\n" >bad.txt; draw --prompts bad.txt -o never; }
expect "JSON that ends" 3 "bad.txt, line 2: it begins with a brace" broken '{"prompt": "a"'
expect "an unknown option" 3 "bad.txt, line 2: there is no option 'colour'" broken '{"prompt": "a", "colour": 1}'
expect "a size" 3 "bad.txt, line 2: width is 40; it must be a multiple of 16" broken '{"prompt": "a", "width": 40}'
expect "an option of the model" 3 "bad.txt, line 2: quantize is of the model" broken '{"prompt": "a", "quantize": "int8"}'
expect "a picture that is missing" 3 "bad.txt, line 2: cannot read 'none.png'" broken '{"prompt": "a", "width": 64, "init": {"picture": "none.png"}}'
expect "a LoRA that is missing" 3 "bad.txt, line 2" broken '{"prompt": "a", "loras": [{"path": "none.safetensors"}]}'
expect "a byte that is no text" 3 "bad.txt, line 2: it is not text in UTF-8" broken 'caf\xe9'
expect "a NUL" 3 "bad.txt, line 2: it holds a NUL byte" broken 'a\000b'
expect "a line that is too long" 3 "bad.txt, line 2: it has 1048577 bytes" broken "$(head -c 1048577 /dev/zero | tr '\0' a)"
yes a | head -1000001 >lines.txt
expect "too many lines" 3 "more than 1000000 lines" draw --prompts lines.txt -o never
echo >blank.txt
expect "no line" 3 "holds no prompt" draw --prompts blank.txt -o never
expect "an endless pipe" 3 "the standard input holds more than the 64000000 bytes" sh -c "yes | '$sd35' generate --prompts - -o never"
expect "a wrong shard" 2 "--shard 3/3: it takes a part" draw --prompts prompts.txt --shard 3/3 -o never
expect "a shard of nothing" 2 "--shard is a part of --prompts" draw cat --shard 0/3
expect "no folder" 2 "--prompts draws into a folder" draw --prompts prompts.txt
expect "a file in its place" 2 "--prompts draws into a folder" draw --prompts prompts.txt -o a.png
expect "a format" 2 ".bmp" draw --prompts prompts.txt --format bmp -o never
expect "several of each" 2 "--count is for one prompt" draw --prompts prompts.txt --count 2 -o never
expect "two texts of one pipe" 2 "only one text" sh -c "'$sd35' generate --prompts - -p - -o never <prompts.txt"
check "nothing was drawn" [ ! -e never ]

# Ctrl-C, and again
for i in $(seq 200); do echo "a cat $i"; done >many.txt
"$sd35" generate "${small[@]}" --steps 4 --prompts many.txt -o many >out 2>err &
for _ in $(seq 600); do [ -e many/000001.png ] && break; sleep 0.05; done
kill -INT $!
wait $!
check "interrupted" [ $? -eq 130 ]
saved=$(ls many | wc -l)
check "says what is saved" grep -qx "sd35: interrupted; $saved of 200 pictures are saved; the same command draws the others" err
check "nothing is half-written" [ -z "$(find . -name '.sd35-*')" ]
check "a second run goes on" [ "$(says --steps 4 --prompts many.txt --shard 0/50 -o many | tail -1)" = "3 drawn, 1 were there" ]

# Sheets
check "a sheet" draw cat -s 3 --grid guidance=1,2,4 --grid steps=1,2 -o sheet.png
check "with its axes" sh -c "grep -aq 'Grid columns: \"guidance_scale 1, 2, 4\", Grid rows: \"num_inference_steps 1, 2\"' sheet.png"
check "its cells are single pictures" python3 - "$sd35" <<'EOF'
import struct, subprocess, sys, zlib

def pixels(path):
    """Of an RGB PNG without interlacing: its rows."""
    data, at, packed = open(path, "rb").read(), 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR": width, height = struct.unpack(">II", body[:8])
        if kind == b"IDAT": packed += body
        at += 12 + length
    raw, stride, rows, above = zlib.decompress(packed), 3 * width, [], bytes(3 * width)
    for y in range(height):
        kind, row = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        for x in range(stride):
            a, b, c = (row[x - 3] if x >= 3 else 0), above[x], (above[x - 3] if x >= 3 else 0)
            p = a + b - c
            paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            row[x] = (row[x] + [0, a, b, (a + b) // 2, paeth][kind]) % 256
        rows.append(bytes(row))
        above = row
    return rows

sheet, seen = pixels("sheet.png"), set()
for column, guidance in enumerate(["1", "2", "4"]):
    for row, steps in enumerate(["1", "2"]):
        subprocess.run([sys.argv[1], "generate", "--quiet", "--dtype", "f32", "-W", "32", "-H", "32", "--max-sequence-length", "16",
                        "cat", "-s", "3", "-g", guidance, "--steps", steps, "-o", "cell.png"], check=True)
        cell = pixels("cell.png")
        assert cell == [line[96 * column:96 * (column + 1)] for line in sheet[32 * row:32 * (row + 1)]], (guidance, steps)
        seen.add(b"".join(cell))
assert len(sheet) == 64 and len(sheet[0]) == 3 * 96 and len(seen) == 6
EOF
says cat --grid seed=1,2 -o seeds.webp >out
check "one row of seeds" grep -q "^seeds.webp (seed 1" out
check "says what its columns are" grep -qx "columns: seed 1, 2" err
check "the first of a sheet is drawn again" "$sd35" generate --quiet --from-image sheet.png -o again.png
expect "three axes" 2 "columns and rows" draw cat --grid steps=1 --grid seed=1 --grid guidance=2 -o never.png
expect "the same twice" 2 "both go through num_inference_steps" draw cat --grid steps=1 --grid steps=2 -o never.png
expect "an axis of sizes" 2 "cannot go through 'width'" draw cat --grid width=32,64 -o never.png
expect "a value that cannot be" 2 "guidance_start is 2" draw cat --grid guidance_start=0,2 -o never.png
expect "a sheet too large" 2 "a side may have 16383" draw cat --grid "seed=$(seq -s, 600)" -o never.png
expect "a sheet of prompts" 2 "do not go together" draw --prompts prompts.txt --grid steps=1 -o never
check "no sheet was drawn" [ ! -e never.png ]

# Marks
for name in a.png a.jpg a.webp; do
  draw cat -s 1 -o $name
  check "a mark in $name" grep -aq "digitalsourcetype/trainedAlgorithmicMedia" $name
  check "is said" sh -c "'$sd35' inspect $name | grep -qx 'marked as trainedAlgorithmicMedia'"
  draw cat -s 1 --no-provenance -o $name
  check "none in $name" sh -c "! grep -aq digitalsourcetype $name"
  draw cat -s 1 --no-metadata -o $name
  check "a mark alone in $name" sh -c "grep -aq digitalsourcetype $name && ! '$sd35' generate --from-image $name -o never.png 2>/dev/null"
done

# Pictures of other programs: a text of A1111's web UI and a graph of ComfyUI in a PNG
python3 - <<'EOF'
import json, struct, zlib

def png(name, key, text):
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    open(name, "wb").write(b"\x89PNG\r\n\x1a\n" + head + chunk(b"tEXt", key + b"\0" + text.encode("latin-1"))
                           + chunk(b"IDAT", zlib.compress(bytes(4))) + chunk(b"IEND", b""))

png("a1111.png", b"parameters", "a cat\nNegative prompt: a dog\nSteps: 2, Sampler: Heun, CFG scale: 3, Seed: 9, Size: 48x32, Clip skip: 2")
node = lambda kind, **inputs: {"class_type": kind, "inputs": inputs}
png("comfy.png", b"prompt", json.dumps({
    "1": node("KSampler", seed=9, steps=2, cfg=3, sampler_name="heun", scheduler="karras", denoise=1, model=["9", 0],
              positive=["2", 0], negative=["3", 0], latent_image=["4", 0]),
    "2": node("CLIPTextEncode", text="a cat"), "3": node("CLIPTextEncode", text="a dog"),
    "4": node("EmptySD3LatentImage", width=48, height=32, batch_size=1)}))
EOF
like() { draw -W 48 --steps 2 -g 3 --sampler heun -p "a cat" -n "a dog" "$@"; }
like -s 9 -o ours.png
for name in a1111 comfy; do
  "$sd35" generate --from-image $name.png --dtype f32 --max-sequence-length 16 -o again.png >/dev/null 2>err
  check "the settings of $name" cmp ours.png again.png
done
check "what is left out" grep -qx "sd35: warning: comfy.png: left out of what it says: scheduler: karras" err
like -s 1 -o ours.png
"$sd35" generate --quiet --from-image a1111.png --dtype f32 --max-sequence-length 16 -s 1 -o again.png
check "options change them" cmp ours.png again.png
expect "no model" 2 "which model?" env SD35_MODEL= "$sd35" generate --from-image a1111.png

finish
