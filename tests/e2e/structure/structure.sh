#!/usr/bin/env bash
# Checks what ARCHITECTURE.md promises about the sources: layers, third-party names, sizes, names of files.
#   structure.sh REPOSITORY
set -euo pipefail
cd "$1"
violations=0
violation() {
  echo "$1" >&2
  violations=$((violations + 1))
}

mapfile -t sources < <(find src include apps -name '*.cc' -o -name '*.h')
if [ ${#sources[@]} -eq 0 ]; then
  echo "no sources below $PWD" >&2
  exit 1
fi

# only_in PATTERN FOLDER...: the pattern occurs in no source outside the folders.
only_in() {
  local pattern=$1 file folder
  shift
  for file in $(grep -lE "$pattern" "${sources[@]}" || true); do
    for folder in "$@"; do
      [[ $file == "$folder"/* ]] && continue 2
    done
    violation "$file: '$pattern' belongs only in $*"
  done
}
only_in '\bdnnl' src/ops/native
only_in '\b(at|torch)::' src/ops/torch src/train
only_in '\b(curl_easy|EVP)_' src/hub
only_in '\bboost\b' src/serving/http

# The arrows between layers are those that src/CMakeLists.txt links: folder -> folders it may include.
declare -A folder_of may_include
while read -r folder arguments; do
  name=${folder//\//_}
  [[ $arguments =~ NAME\ ([a-z_]+) ]] && name=${BASH_REMATCH[1]}
  folder_of[$name]=$folder
  depends=""
  [[ $arguments =~ DEPENDS\ ([a-z_ ]+) ]] && depends=${BASH_REMATCH[1]}
  may_include[$folder]=" $folder "
  for dependency in $depends; do
    may_include[$folder]+="${folder_of[$dependency]-} "
  done
done < <(sed -nE 's/^ *sd35_layer\((.*)\)$/\1/p' src/CMakeLists.txt | sed -E 's/ (EXCLUDE [^ ]+)//; s/ LINK .*//')

# The layer of a path below src: the longest folder that is one.
layer_of() {
  local folder=$1
  while [[ $folder == */* ]]; do
    folder=${folder%/*}
    [ -n "${may_include[$folder]-}" ] && layer=$folder && return
  done
  layer=""
}

# What programs call in the parts that are built on demand, besides the public API.
entrances=" core/digits.h core/similar_names.h core/threads.h options/option.h options/options.h options/preset.h options/option_axis.h options/prompt_lines.h ops/torch/torch_ops.h train/trainer.h lab/drawing/write_dataset.h evaluation/evaluate.h hub/pull.h serving/serve.h "

# Programs hand to `evaluation` what scores pictures, so that it needs no lab: one file knows both.
introduces() {
  [[ $1 == apps/sd35/scene_scoring.* && $2 =~ ^(evaluation|lab/drawing|lab/scoring)/ ]]
}

includes=0
while IFS=: read -r file include; do
  includes=$((includes + 1))
  include=${include#*\"}
  include=${include%\"*}
  if [[ $file == src/* ]]; then
    layer_of "${file#src/}"
    from=$layer
    layer_of "$include"
    if [ -z "$from" ]; then
      violation "$file: its folder is not a layer in src/CMakeLists.txt"
    elif [[ $include != sd35/* ]] && [[ -z $layer || ${may_include[$from]} != *" $layer "* ]]; then
      violation "$file: includes $include, which $from does not depend on in src/CMakeLists.txt"
    fi
  elif [[ $include == */* && $include != sd35/* && $entrances != *" $include "* ]] && ! introduces "$file" "$include"; then
    violation "$file: includes $include; a program knows only the public API"
  fi
done < <(grep -HE '^#include "' "${sources[@]}" | sed 's/#include //')
[ "$includes" -gt 0 ] || violation "no includes found"

while read -r lines file; do
  [ "$lines" -le 500 ] || violation "$file: $lines lines; at most 500"
done < <(wc -l "${sources[@]}" | grep -v ' total$')

while read -r file; do
  violation "$file: name it after what it holds"
done < <(find src include apps tests bench tools examples -iregex '.*/\(utils?\|helpers?\|common\|misc\)\(\.[a-z]+\)?')

# What documents quote as code stands in the file named in the comment before it.
quotes=0
while IFS=$'\t' read -r document file line; do
  quotes=$((quotes + 1))
  grep -qxF -- "$line" "$file" || violation "$document: quotes '$line', which is not a line of $file"
done < <(awk '/^<!-- (src|include|apps)\/[^ ]+ -->$/ { file = $2; next }
              /^```cpp$/ && file != "" { inside = 1; next }
              /^```$/ { inside = 0; file = "" }
              inside { print FILENAME "\t" file "\t" $0 }' ./*.md docs/*.md)
[ "$quotes" -gt 0 ] || violation "no quotes of code found in documents"

if [ "$violations" -gt 0 ]; then
  echo "violations: $violations" >&2
  exit 1
fi
