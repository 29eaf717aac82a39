#!/usr/bin/env bash
# A tiny autoencoder (TAESD3) in place of the model's, and for previews: tiny_autoencoder_test.sh SD35 FOLDER
set -u
sd35=$(realpath "$1") taesd=$(realpath "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$(dirname "$0")/checks.sh"

tiny=$work/tiny
"$sd35" make-random-model --size tiny --dtype f32 --seed 7 --quiet -o "$tiny" || exit 1
draw() { "$sd35" generate --quiet --dtype f32 -m "$tiny" -p "a red cube" --steps 4 --max-sequence-length 16 -W 64 -H 48 -s 1 "$@"; }
size_of() { python3 -c 'import struct, sys; print(*struct.unpack(">II", open(sys.argv[1], "rb").read()[16:24]))' "$1"; }
cd "$work" || exit 1

check "a folder as the autoencoder" draw --vae "$taesd" -o folder.png
check "its file as the autoencoder" draw --vae "$taesd/diffusion_pytorch_model.safetensors" -o file.png
draw --vae "$taesd" --no-metadata -o a.png && draw --vae "$taesd/diffusion_pytorch_model.safetensors" --no-metadata -o b.png
check "both are the same" cmp a.png b.png
check "a picture goes in" draw --vae "$taesd" --init a.png -o again.png
check "tiles are not needed" draw --vae "$taesd" --vae-tiling --no-metadata -o tiled.png
check "and change nothing" cmp a.png tiled.png

check "small previews" draw -o own.png --preview small.png
check "are an eighth" [ "$(size_of small.png)" = "8 6" ]
check "previews by a tiny autoencoder" draw -o own2.png --preview large.png --preview-with "$taesd" --preview-every 2
check "are as large as the picture" [ "$(size_of large.png)" = "64 48" ]
draw --no-metadata -o plain.png && draw --no-metadata -o previewed.png --preview p.png --preview-with "$taesd"
check "and change nothing of it" cmp plain.png previewed.png
check "taesd is the model's own where that is tiny" draw --vae "$taesd" -o own3.png --preview own.png.preview.png --preview-with taesd
expect "taesd that is not there" 3 "madebyollin/taesd3" env HF_HUB_CACHE="$work/none" "$sd35" generate -m "$tiny" -p cat --preview p.png --preview-with taesd -o no.png
expect "another autoencoder for previews" 3 "not a tiny autoencoder" draw --preview p.png --preview-with "$tiny/vae" -o no.png
expect "nothing there" 3 "nowhere" draw --preview p.png --preview-with nowhere.safetensors -o no.png
expect "previews that never come" 2 "preview-every" draw --preview p.png --preview-every 0 -o no.png

# As its authors publish it: halves in two files, layers by number.
python3 - "$taesd/diffusion_pytorch_model.safetensors" <<'E2'
import json, re, struct, sys
data = open(sys.argv[1], "rb").read()
size = struct.unpack("<Q", data[:8])[0]
header, body = json.loads(data[8 : 8 + size]), data[8 + size :]
for half, shift in (("decoder", 1), ("encoder", 0)):
    part, blob = {}, b""
    for name, entry in header.items():
        found = re.match(half + r"\.layers\.(\d+)(.*)", name)
        if not found:
            continue
        begin, end = entry["data_offsets"]
        part[str(int(found[1]) + shift) + found[2]] = dict(entry, data_offsets=[len(blob), len(blob) + end - begin])
        blob += body[begin:end]
    text = json.dumps(part).encode()
    open(f"taesd3_{half}.safetensors", "wb").write(struct.pack("<Q", len(text)) + text + blob)
E2
check "the decoder alone" draw --vae taesd3_decoder.safetensors --no-metadata -o c.png
check "is the same" cmp a.png c.png
expect "but takes no picture" 2 "decoder alone" draw --vae taesd3_decoder.safetensors --init a.png -o no.png
expect "the encoder alone draws nothing" 3 "decoder.layers.0.weight" draw --vae taesd3_encoder.safetensors -o no.png
head -c 9000 taesd3_decoder.safetensors >cut.safetensors
expect "half a file" 3 "cut.safetensors" draw --vae cut.safetensors -o no.png

finish
