#!/usr/bin/env bash
# Runs the real program as people and schedulers do: killed, resumed, in two processes, with corrupt pictures, on a full disk.
#   train_test.sh SD35 COMPARE
# COMPARE A B BOUND: exits 0 when the tensors of two safetensors files differ by at most BOUND, root mean square.
set -uo pipefail
sd35=$1 compare=$2
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$folder"' EXIT
cd "$folder"
failures=0
fail() {
  echo "FAILED: $*" >&2
  failures=$((failures + 1))
}
expect_line() {  # expect_line PATTERN FILE
  grep -qE "$1" "$2" || fail "no line '$1' in: $(tail -3 "$2")"
}

"$sd35" make-random-model --size tiny --quiet -o tiny || exit 1
mkdir data
for i in 0 1 2 3 4 5 6 7; do
  "$sd35" generate --model tiny --prompt "noise number $i" --width 64 --height 64 --steps 1 --seed "$i" --max-sequence-length 16 \
    --quiet -o "data/$i.png" || exit 1
  echo "noise number $i" >"data/$i.txt"
done

# config FILE [KEY VALUE]...: a small run of two stages, with other values for some keys.
config() {
  local file=$1 steps=6 dtype=f32 every=4 rate=1e-3 data=data optimizer=adamw extra=""
  shift
  while [ $# -gt 0 ]; do
    local "$1=$2"
    shift 2
  done
  cat >"$file" <<EOF
{
  "task": "transformer", "model": "tiny", "data": "$data", "cache": "cache", "seed": 5, "dtype": "$dtype", $extra
  "optimizer": {"name": "$optimizer", "learning_rate": $rate, "warmup_steps": 3, "ema": 0.9},
  "stages": [
    {"steps": $steps, "batch_size": 4, "accumulation": 2, "resolutions": [64], "max_sequence_length": 16},
    {"steps": $steps, "batch_size": 4, "resolutions": [48, 64], "max_aspect": 2, "max_sequence_length": 16}
  ],
  "checkpoint_every": $every, "log_every": 1
}
EOF
}
weights=model/transformer/diffusion_pytorch_model.safetensors
steps_of() { cat "$1/metrics.jsonl" 2>/dev/null | grep -c '"loss"'; }
train() { "$sd35" train --threads 1 --quiet "$@"; }

echo "-- a whole run"
config run.json steps 10
train run.json -o whole || fail "the run fails"
[ "$(steps_of whole)" -eq 20 ] || fail "20 steps give $(steps_of whole) lines of metrics"
"$sd35" inspect whole/model >/dev/null || fail "the result is not a model"
train run.json -o whole 2>error && fail "a second run in the same folder goes ahead"
expect_line 'holds a run already: --resume' error

echo "-- resumed for fewer steps than it has"
sed 's/"steps": [0-9]*/"steps": 1/g' run.json >shorter.json
train shorter.json -o whole --resume 2>error
[ $? -eq 2 ] || fail "a run that is longer already is resumed"
expect_line 'has 20 steps already; the configuration asks for 2' error

echo "-- resumed with another model"
mv tiny kept && "$sd35" make-random-model --size tiny --seed 3 --quiet -o tiny || fail "no other model"
train run.json -o whole --resume 2>error
[ $? -eq 2 ] || fail "a run goes on from another model"
expect_line 'holds a run that began with another model: the text_encoder of .*tiny' error
rm -r tiny && mv kept tiny

echo "-- samples at the size that the model is drawn with"
cp -r tiny own
echo '{"defaults": {"width": 32, "height": 48, "steps": 2, "sampler": "heun"}}' >own/sd35.json
config own.json steps 1 extra '"sample_every": 2, "samples": {"prompts": ["noise"]},'
sed -i 's/"model": "tiny"/"model": "own"/' own.json
train own.json -o sampled || fail "a run with samples fails"
"$sd35" inspect sampled/samples-*.png | grep -q '32 x 48' || fail "the samples have another size than the model says"

# after_steps COUNT PID FOLDER: waits until the run in FOLDER, process PID, has done COUNT more steps, or has ended.
after_steps() {
  local end=$(($(steps_of "$3") + $1))
  while kill -0 "$2" 2>/dev/null && [ "$(steps_of "$3")" -lt "$end" ]; do sleep 0.002; done
}

echo "-- killed at random moments and resumed"
kills=0 tries=0
until [ -f "killed/$weights" ]; do
  tries=$((tries + 1))
  [ "$tries" -le 40 ] || { fail "no end after 40 starts"; break; }
  "$sd35" train --threads 1 --quiet run.json -o killed --resume &
  pid=$!
  after_steps $((1 + RANDOM % 5)) $pid killed
  kill -9 $pid 2>/dev/null && kills=$((kills + 1))
  wait $pid 2>/dev/null
  [ "$tries" -lt 5 ] || train run.json -o killed --resume || fail "the resumed run fails"
done
[ "$kills" -ge 2 ] || fail "only $kills kills: the run is too short for this test"
"$compare" whole/$weights killed/$weights 0 || fail "the resumed run ends with other weights"
[ "$(steps_of killed)" -eq 20 ] || fail "a resumed run has $(steps_of killed) lines of metrics"

echo "-- as on another device: batches prepared ahead"
for device in cpu cpu:0; do
  config device.json steps 10 dtype bf16 extra "\"device\": \"$device\","
  train device.json -o "$device" || fail "the run on $device fails"
done
"$compare" cpu/$weights cpu:0/$weights 5e-4 || fail "the device ends with other weights"

echo "-- a run in the folder of one that goes on"
config long.json steps 1000
"$sd35" train --threads 1 --quiet long.json -o running 2>/dev/null &
pid=$!
after_steps 2 $pid running
cp running/configuration.json configuration.json
train run.json -o running 2>/dev/null && fail "a run begins in the folder of another"
cmp configuration.json running/configuration.json || fail "a run that is refused replaces what another one began with"
kill -INT $pid
wait $pid

echo "-- interrupted, with Muon"
config muon.json steps 10 optimizer muon
train muon.json -o muon || fail "the run with Muon fails"
"$compare" whole/$weights muon/$weights 0 2>/dev/null && fail "Muon ends with AdamW's weights"
"$sd35" train --threads 1 muon.json -o interrupted 2>interrupted.err &
pid=$!
after_steps 2 $pid interrupted
train muon.json -o interrupted --resume 2>second.err
[ $? -eq 2 ] || fail "a second run in the folder of one is not refused"
expect_line 'another sd35 train runs in .interrupted' second.err
kill -INT $pid
wait $pid
[ $? -eq 130 ] || fail "an interrupted run does not exit with 130"
expect_line 'stopped after step [0-9]+ of 20; --resume goes on from there' interrupted.err
ls interrupted/checkpoint-*.safetensors >/dev/null 2>&1 || fail "an interrupted run leaves no checkpoint"
train muon.json -o interrupted --resume || fail "an interrupted run does not go on"
"$compare" muon/$weights interrupted/$weights 0 || fail "the interrupted run ends with other weights"

echo "-- windows, letters and short texts in a mixed stage, resumed"
"$sd35" make-dataset signs -n 40 --size 128 --seed 5 --quiet || fail "no data set"
letters() { # letters FILE STEPS
  cat >"$1" <<EOF
{
  "model": "tiny", "data": "signs", "validation_data": "signs", "dtype": "f32", "seed": 3, "cache": "signs-cache",
  "letter_weight": 0.3, "letter_until": 8,
  "optimizer": {"name": "muon", "learning_rate": 1e-3, "ema": 0.9},
  "stages": [{"steps": $2, "batch_size": 4, "trim_text": true, "max_sequence_length": 40, "mix": [
    {"share": 0.7, "resolutions": [128], "shift": 4, "window": {"shapes": ["8x3", "6x4"], "text_only": true}},
    {"share": 0.3, "resolutions": [64, 96], "batch_size": 2}]}],
  "checkpoint_every": 100, "validate_every": 10, "log_every": 1
}
EOF
}
letters letters5.json 5
letters letters.json 10
train letters.json -o letters || fail "the run with letters fails"
train letters5.json -o letters-resumed && train letters.json -o letters-resumed --resume || fail "it cannot be resumed"
"$compare" letters/$weights letters-resumed/$weights 0 || fail "the resumed run with letters ends with other weights"
cmp letters/checkpoint-00000010.safetensors letters-resumed/checkpoint-00000010.safetensors || fail "their checkpoints differ"
expect_line '"letter_accuracy":' letters/metrics.jsonl
expect_line '"step":10,.*"letter_gain_0.75":[-0-9].*"validation_loss"' letters/metrics.jsonl
grep -q letter_layer letters/checkpoint-00000010.safetensors || fail "the checkpoint lacks the letter layer"
grep -q letter_layer letters/$weights && fail "the model has the letter layer"
sed 's/"signs"/"data"/g' letters.json >no-letters.json
train no-letters.json -o no-letters 2>error && fail "letters are learned of pictures without"
expect_line "'letter_weight' needs letters" error

echo "-- crops about text of a decoder that grew, under noise on its latents, resumed"
decoder() { # decoder FILE STEPS
  cat >"$1" <<EOF
{
  "task": "autoencoder", "model": "tiny", "data": "signs", "validation_data": "signs", "dtype": "f32", "seed": 3,
  "decoder_only": true, "reconstruction": "mse", "latent_noise": 0.1, "grow": {"layers_per_block": 3},
  "optimizer": {"learning_rate": 1e-3, "ema": 0.9},
  "stages": [{"steps": $2, "batch_size": 2, "resolutions": [128], "crop": 64, "text_crops": 1}],
  "checkpoint_every": 100, "log_every": 1
}
EOF
}
decoder decoder2.json 2
decoder decoder.json 4
train decoder.json -o decoder || fail "the run of crops fails"
train decoder2.json -o decoder-resumed && train decoder.json -o decoder-resumed --resume || fail "it cannot be resumed"
autoencoder=model/vae/diffusion_pytorch_model.safetensors
"$compare" decoder/$autoencoder decoder-resumed/$autoencoder 0 || fail "the resumed run of crops ends with other weights"
expect_line '"text_crops":(0.5|1.0)' decoder/metrics.jsonl
expect_line '"layers_per_block": 3' decoder/model/vae/config.json
"$sd35" generate --model decoder/model --prompt "a cube" --width 64 --height 64 --steps 1 --quiet -o grown.png || fail "the grown decoder does not draw"

echo "-- a transformer that grows, with a route and rounded weights, resumed"
grown() { # grown FILE STEPS
  cat >"$1" <<EOF
{
  "model": "tiny", "data": "data", "dtype": "f32", "seed": 3, "cache": "cache", "grow": {"num_layers": 6, "after": [2, 3]},
  "optimizer": {"name": "muon", "learning_rate": 1e-3, "ema": 0.9},
  "stages": [{"steps": 2, "batch_size": 2, "resolutions": [64], "max_sequence_length": 16, "route": {"share": 0.5, "from": 3, "to": 5}},
             {"steps": $2, "batch_size": 2, "resolutions": [64], "max_sequence_length": 16, "round_to": "fp8"}],
  "checkpoint_every": 100, "log_every": 1
}
EOF
}
grown grown1.json 1
grown grown.json 3
train grown.json -o grown || fail "the run that grows fails"
train grown1.json -o grown-resumed && train grown.json -o grown-resumed --resume || fail "it cannot be resumed"
"$compare" grown/$weights grown-resumed/$weights 0 || fail "the resumed run that grew ends with other weights"
cmp grown/checkpoint-00000005.safetensors grown-resumed/checkpoint-00000005.safetensors || fail "their checkpoints differ"
expect_line '"num_layers": 6' grown/model/transformer/config.json
sed 's/\[2, 3\]/[2, 4]/' grown.json >no-growth.json
train no-growth.json -o no-growth 2>error && fail "blocks grow behind the last"
expect_line "'after' counts blocks from 1 to 3, not 4" error

echo "-- a checkpoint with NaN"
cp -r interrupted poisoned
newest=$(ls poisoned/checkpoint-*.safetensors | tail -1)
printf '\0\0\300\177' | dd of="$newest" bs=1 seek=$(($(stat -c %s "$newest") - 4)) conv=notrunc 2>/dev/null
train muon.json -o poisoned --resume 2>poisoned.err
[ $? -eq 3 ] || fail "a checkpoint with NaN is taken"
expect_line 'holds NaN or infinity; delete it to go on from the one before' poisoned.err

echo "-- a checkpoint that is cut off, and none"
cp -r interrupted cut
newest=$(ls cut/checkpoint-*.safetensors | tail -1)
size=$(stat -c %s "$newest")
for bytes in $((size / 2)) 300 5 0; do
  truncate -s "$bytes" "$newest"
  train muon.json -o cut --resume 2>cut.err
  [ $? -eq 3 ] || fail "a checkpoint of $bytes bytes is taken"
  expect_line "$newest: .*cut off.*delete it to go on from the one before" cut.err
  grep -q download cut.err && fail "it advises to download a checkpoint: $(cat cut.err)"
done
rm cut/checkpoint-*
"$sd35" train --threads 1 muon.json -o cut --resume 2>none.err || fail "a run without checkpoints does not begin"
expect_line "^'cut' holds no checkpoint; the run begins at its first step" none.err
"$compare" muon/$weights cut/$weights 0 || fail "it ends with other weights"

echo "-- interrupted while it draws samples"
config sampling.json extra '"sample_every": 1, "samples": {"prompts": ["noise"], "width": 64, "height": 64, "steps": 1000},'
"$sd35" train --threads 1 --quiet sampling.json -o sampling &
pid=$!
after_steps 1 $pid sampling
kill -INT $pid
wait $pid
[ $? -eq 130 ] || fail "a run interrupted while it draws samples does not exit with 130"
ls sampling/checkpoint-*.safetensors >/dev/null 2>&1 || fail "a run interrupted while it draws samples leaves no checkpoint"
ls sampling/samples-*.png 2>/dev/null && fail "a run interrupted while it draws samples goes on drawing them"

echo "-- two processes"
port=$((20000 + RANDOM % 20000))
config two.json steps 4
train two.json -o one || fail "one process fails"
for rank in 0 1; do
  WORLD_SIZE=2 RANK=$rank MASTER_ADDR=127.0.0.1 MASTER_PORT=$port "$sd35" train --threads 1 --quiet two.json -o two 2>"two.$rank.err" &
done
wait
"$compare" one/$weights two/$weights 2e-6 || fail "two processes end with other weights than one: $(cat two.*.err)"

echo "-- one of two dies"
port=$((port + 1))
config long.json steps 4000 every 3
pids=()
for rank in 0 1; do
  WORLD_SIZE=2 RANK=$rank MASTER_ADDR=127.0.0.1 MASTER_PORT=$port "$sd35" train --threads 1 --quiet long.json -o dying 2>"dying.$rank.err" &
  pids+=($!)
done
for _ in $(seq 100); do
  ls dying/checkpoint-*.safetensors >/dev/null 2>&1 && break
  sleep 0.2
done
kill -9 "${pids[1]}"
for _ in $(seq 50); do
  kill -0 "${pids[0]}" 2>/dev/null || break
  sleep 0.2
done
kill -0 "${pids[0]}" 2>/dev/null && fail "the process left over has not ended after 10 s"
wait "${pids[0]}"
[ $? -eq 1 ] || fail "the process left over exits with another status than 1"
expect_line 'another process ended or cannot be reached' dying.0.err
"$sd35" inspect "$(ls dying/checkpoint-*.safetensors | tail -1)" >/dev/null || fail "the last checkpoint is damaged"

echo "-- a corrupt picture"
cp -r data damaged
head -c -200 data/3.png >damaged/3.png # in its pixels
config damaged.json data damaged extra '"keep_checkpoints": 1,'
sed -i 's/"cache": "cache"/"cache": "damaged-cache"/' damaged.json # the other knows the picture's latents
"$sd35" train --threads 1 damaged.json -o damaged-run 2>damaged.err || fail "a corrupt picture ends the run: $(tail -1 damaged.err)"
[ "$(grep -c 'skipped.*3\.png' damaged.err)" -eq 1 ] || fail "the corrupt picture is named $(grep -c 'skipped.*3\.png' damaged.err) times"

echo "-- a full disk"
config full.json every 2
train full.json -o full || fail "the run before the disk is full fails"
cp -r full before
config full2.json every 2 steps 8
(ulimit -f 200; trap '' XFSZ; train full2.json -o full-disk) 2>full.err && fail "a full disk goes unnoticed"
expect_line 'full-disk/[^ ]+' full.err
grep -q '\.sd35-' full.err && fail "a full disk names a file that nobody knows: $(cat full.err)"
[ "$(wc -l <full.err)" -eq 1 ] || fail "a full disk gives more than a line: $(cat full.err)"
ls full-disk/*.tmp* >/dev/null 2>&1 && fail "a full disk leaves half a file: $(ls full-disk)"

echo "-- divergence"
config nan.json rate 1 dtype bf16 steps 60 extra '"flip": true,'
sed -i 's/"ema": 0.9/"max_gradient_norm": 0, "weight_decay": 10/' nan.json
train nan.json -o diverged 2>nan.err
status=$?
if [ $status -eq 4 ]; then
  expect_line 'training diverged: the (loss|gradient) of step [0-9]+ is not a number \(batch: .*\.png' nan.err
else
  fail "a run that must diverge ends with status $status instead of 4"
fi

echo "-- bad configurations"
mkdir bare && cp data/0.png bare/
for bad in '{"task": "transformer"}|model.*is missing' '{"model": "tiny", "data": "data", "tusk": 1, "stages": [{"steps": 1, "resolutions": [64]}]}|tusk' 'nonsense|not valid JSON' \
  '{"model": "tiny", "data": "data", "stages": [{"steps": 1, "resolutions": [50]}]}|multiples of 16' \
  '{"model": "tiny", "data": "data", "stages": [{"steps": 1, "resolutions": [80], "enlarge": false}]}|data, stage 1: every picture would be enlarged, or shrunk; take other resolutions' \
  '{"model": "tiny", "data": "data", "stages": [{"steps": 1, "resolutions": [4096]}]}|stage 1: resolution 4096 has pictures of 4096 x 4096 pixels; the model takes up to' \
  '{"model": "tiny", "data": "data", "samples": {"prompts": ["x"], "width": 100}, "stages": [{"steps": 1, "resolutions": [64]}]}|^sd35: bad.json: samples: width is 100' \
  '{"model": "tiny", "data": "data", "samples": {"prompts": ["x"], "steps": 1001}, "stages": [{"steps": 1, "resolutions": [64]}]}|bad.json: samples: .steps. is 1001' \
  '{"model": "tiny", "data": "data", "stages": [{"steps": 1, "resolutions": [64], "route": {"share": 0.5, "from": 3, "to": 50}}]}|bad.json: stage 1: route goes to block 50' \
  '{"model": "tiny", "data": "data", "device": "cuda:77", "stages": [{"steps": 1, "resolutions": [64]}]}|bad.json: .*cuda:77' \
  '{"model": "tiny", "data": "data", "grow": {"num_layers": 2}, "stages": [{"steps": 1, "resolutions": [64]}]}|bad.json: grow: num_layers is 2' \
  '{"model": "no/such-model", "data": "data", "stages": [{"steps": 1, "resolutions": [64]}]}|no/such-model.*nor a model of this name in the Hugging Face cache' \
  '{"model": "tiny", "data": "bare", "stages": [{"steps": 1, "resolutions": [64]}]}|no picture of data set .* has a caption; the caption of .bare/0.png. belongs in .bare/0.txt' \
  '{"model": "tiny", "data": "nowhere", "stages": [{"steps": 1, "resolutions": [64]}]}|nowhere' \
  '{"model": "tiny", "data": "data", "optimizer": {"eps": 0}, "stages": [{"steps": 1, "resolutions": [64]}]}|eps'; do
  echo "${bad%|*}" >bad.json
  train bad.json -o bad-run 2>error
  status=$?
  [ $status -eq 3 ] || [ $status -eq 2 ] || fail "$bad exits with $status"
  [ "$(wc -l <error)" -eq 1 ] || fail "$bad gives more than a line: $(cat error)"
  expect_line "${bad#*|}" error
done

echo "-- drawing with the torch engine"
"$sd35" generate --model tiny --prompt "a cube" --width 64 --height 64 --steps 3 --dtype f32 --max-sequence-length 16 --quiet -o native.png
"$sd35" generate --model tiny --prompt "a cube" --width 64 --height 64 --steps 3 --dtype f32 --max-sequence-length 16 --engine torch --quiet -o torch.png ||
  fail "the torch engine does not draw"
[ -s torch.png ] || fail "the torch engine writes no picture"
"$sd35" generate --from-image torch.png --quiet -o again.png || fail "a picture of the torch engine is not drawn again"
cmp torch.png again.png || fail "the torch engine draws another picture from its recipe"

echo "-- a LoRA"
cat >lora.json <<EOF
{
  "task": "lora", "model": "tiny", "data": "data", "cache": "cache", "dtype": "f32", "activation_checkpointing": true,
  "optimizer": {"learning_rate": 0.02},
  "stages": [{"steps": 4, "batch_size": 4, "resolutions": [64], "max_sequence_length": 16}]
}
EOF
train lora.json -o lora || fail "training a LoRA fails"
"$sd35" generate --model tiny --lora lora/lora.safetensors --prompt "a cube" --width 64 --height 64 --steps 3 --dtype f32 --max-sequence-length 16 --quiet -o lora.png ||
  fail "drawing with the LoRA fails"
cmp -s native.png lora.png && fail "the LoRA changes nothing"
"$sd35" generate --model tiny --lora lora/checkpoint-00000004.safetensors --prompt x --quiet -o never.png 2>checkpoint.err
[ $? -eq 3 ] || fail "a checkpoint is taken for a LoRA"
expect_line 'it is a checkpoint of sd35 train' checkpoint.err
sed 's/"optimizer"/"lora": {"targets": ["attn.to_q", "attn.too_k"]}, "optimizer"/' lora.json >targets.json
train targets.json -o never 2>targets.err
[ $? -eq 2 ] || fail "a target that no layer has is taken"
expect_line "no layer of the transformer ends in 'attn.too_k'" targets.err

[ "$failures" -eq 0 ] || { echo "$failures failures" >&2; exit 1; }
echo "all passed"
