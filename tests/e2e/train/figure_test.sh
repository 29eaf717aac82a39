#!/usr/bin/env bash
# The recipe for one's own figure, cut to two steps; and what ./train says before it builds.
#   figure_test.sh SD35 REPOSITORY
set -euo pipefail
sd35=$1 repository=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
fail() {
  echo "FAILED: $*" >&2
  exit 1
}

"$repository/recipes/figure/draw" pictures 2>/dev/null
for kind in png txt; do
  [ "$(find pictures -name "*.$kind" -size +0 | wc -l)" -eq 10 ] || fail "not ten .$kind: $(ls pictures)"
done
[ "$(cat pictures/*.txt | sort -u | grep -c brimlo)" -eq 10 ] || fail "not ten captions with the trigger word: $(cat pictures/*.txt)"

sed -E "s#\"[./]*/models/default\"#\"$repository/models/default\"#; s#\"[./]*work/figure/pictures\"#\"pictures\"#
        s#\"steps\": [0-9]+#\"steps\": 2#; s#\"batch_size\": [0-9]+#\"batch_size\": 2#; s#\"sample_every\": [0-9]+#\"sample_every\": 0#" \
  "$repository/recipes/figure/lora.json" >lora.json
"$sd35" train lora.json -o run 2>log || fail "$(cat log)"
grep -q 'done: draw with --lora run/lora.safetensors' log || fail "the last line does not say what to draw with: $(tail -1 log)"
[ "$(grep -vcE '^(training|step|done:) ?' log)" -eq 0 ] || fail "warnings of the recipe: $(cat log)"
"$sd35" generate --model "$repository/models/default" --lora run/lora.safetensors --prompt "a brimlo" --steps 2 --quiet -o brimlo.png
[ -s brimlo.png ] || fail "no picture"

status=0
"$repository/train" >/dev/null 2>error || status=$?
[ $status -eq 2 ] || fail "./train without a configuration exits with $status"
status=0
"$repository/train" nowhere.json -o run2 2>error || status=$?
[ $status -eq 3 ] && grep -q 'nowhere.json' error || fail "./train of a missing configuration exits with $status: $(cat error)"
[[ $("$repository/train" --help) == "usage: ./train CONFIG -o FOLDER"* ]] || fail "./train --help"
echo "all passed"
