#!/usr/bin/env bash
# The model that ships draws what is asked for: default_model_test.sh SD35 MODEL
set -uo pipefail
source "$(dirname "$0")/checks.sh"
sd35=$(realpath "$1") model=$(realpath "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

check "it is small" test "$(du -sb "$model" | cut -f1)" -le 32000000
check "inspect" "$sd35" inspect "$model" >/dev/null
draw() { "$sd35" generate --model "$model" --prompt "A capybara holding a sign that reads Hello World" --quiet "$@"; }
size_of() { od -An -tu1 -j16 -N8 "$1" | awk '{ print $3 * 256 + $4 "x" $7 * 256 + $8 }'; }
check "its own size" draw -o own.png
check "is 128 x 128" test "$(size_of own.png)" = 128x128
check "a wide one" draw -W 192 -H 128 -o wide.png
check "is 192 x 128" test "$(size_of wide.png)" = 192x128

# Combinations and words that training held out. A model of noise passes one in eleven colours and one in thirteen
# backgrounds, and one that cannot spell none of the words.
for kind in colour background words; do
  check "prompts of kind $kind" "$sd35" make-dataset -n 16 --prompts $kind.jsonl --kind $kind --common-things --seed 5 --quiet
done
check "evaluate" "$sd35" evaluate --model "$model" --prompts colour.jsonl background.jsonl words.jsonl -o report --no-drawn --steps 20 --quiet >out
passed() { python3 -c "import json, sys; t = json.load(open('report/report.json'))['columns'][0]['totals']; sys.exit(t['$1']['${3:-$1}']['passed'] < $2)"; }
check "colours" passed colour 9
check "backgrounds" passed background 9
check "words" passed words 4 "within one letter"
cat out
finish
