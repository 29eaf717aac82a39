#!/usr/bin/env bash
# sd35 make-dataset, from the outside: make_dataset_test.sh SD35
set -u
sd35=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$(dirname "$0")/checks.sh"
make() { "$sd35" make-dataset --quiet "$@"; }
# fails TEXT ARGUMENTS...: exit code 2, one line on stderr that begins "sd35: " and holds TEXT, and no file
fails() {
  local text=$1
  shift
  make "$@" 2>"$work/message"
  [ $? -eq 2 ] && [ "$(wc -l <"$work/message")" -eq 1 ] && grep -q '^sd35: ' "$work/message" &&
    grep -qF -- "$text" "$work/message" && [ -z "$(find "$work/target" -mindepth 1)" ]
}
mkdir "$work/target"
is_png() { [ "$(head -c 8 "$1" | od -An -tx1 | tr -d ' ')" = 89504e470d0a1a0a ]; }

check "help" sh -c "'$sd35' make-dataset --help | grep -q docs/dataset.md"

# Shards that others can read.
check "make" make "$work/a" -n 25 --size 64,96x64 --shard-samples 10 -s 3
check "three shards" [ "$(ls "$work/a" | tr '\n' ' ')" = "shard-00000.tar shard-00001.tar shard-00002.tar " ]
mkdir "$work/files"
for shard in "$work"/a/*.tar; do check "tar reads $shard" tar -xf "$shard" -C "$work/files"; done
check "three files a sample" [ "$(ls "$work/files" | wc -l)" -eq 75 ]
check "a picture" is_png "$work/files/00000024.png"
check "a caption" test -s "$work/files/00000024.txt"
check "a description" grep -q '^{"kind":".*"expect":.*"items":' "$work/files/00000024.json"

# The same seed, the same bytes.
check "again" make "$work/b" -n 25 --size 64,96x64 --shard-samples 10 -s 3 --threads 1
check "the same seed gives the same bytes" diff -r "$work/a" "$work/b"
# A closed descriptor is not where progress goes: 'make-dataset' without --quiet says how far it is.
"$sd35" make-dataset "$work/closed" -n 25 --size 64,96x64 --shard-samples 10 -s 3 --captions "$work/closed-captions" <&- >&- 2>&-
check "with closed descriptors" [ $? -eq 0 ]
check "a closed descriptor changes no byte" diff -r "$work/a" "$work/closed"
check "another seed" make "$work/c" -n 25 --size 64,96x64 --shard-samples 10 -s 4
check "gives others" sh -c "! cmp -s '$work/a/shard-00000.tar' '$work/c/shard-00000.tar'"
check "captions" make -n 25 --captions "$work/captions" -s 3
check "nor one of a line" cmp "$work/captions" "$work/closed-captions"
for i in 00 07 24; do tail -n +$((10#$i + 1)) "$work/captions" | head -1 | cut -f1 | tr -d '\n' >"$work/line"
  check "caption $i is that of the sample" cmp "$work/line" "$work/files/000000$i.txt"; done

check "contact sheet" make -n 12 --size 64 --contact-sheet "$work/sheet.png"
check "is a picture" is_png "$work/sheet.png"
check "prompts" make -n 20 --kind position --prompts "$work/prompts"
check "a line each" [ "$(grep -c '^{"prompt":".*"kind":"position","expect":{' "$work/prompts")" -eq 20 ]

# Pictures of things in another style.
check "sprites" make "$work/noto" -n 25 --size 64,96x64 --shard-samples 10 -s 3 --sprites fluent=0.5,noto=0.5
check "look otherwise" sh -c "! cmp -s '$work/a/shard-00000.tar' '$work/noto/shard-00000.tar'"
check "sprites by name" make "$work/fluent" -n 25 --size 64,96x64 --shard-samples 10 -s 3 --sprites fluent
check "are those without the option" diff -r "$work/a" "$work/fluent"
check "no sprites of that name" fails "fluent=0.9,noto=0.1" "$work/target/x" -n 1 --sprites flat

# What exists stays.
cp "$work/a/shard-00000.tar" "$work/before"
make "$work/a" -n 5 --size 64 2>"$work/message"
check "an existing folder is refused" [ $? -eq 2 ]
check "and named" grep -qF "$work/a" "$work/message"
check "and stays" cmp "$work/before" "$work/a/shard-00000.tar"

# What a person gets wrong.
check "vocabulary" make --vocabulary "$work/words" --common-things
check "is that of the default model" cmp "$work/words" \
  <(sed '/"sides"/d; /"preview"/,/"bias"/d' "$(dirname "$0")/../../../models/default/sd35.json")
check "no number" fails "how many" "$work/target/x"
check "nothing to write" fails "what to write" -n 5
for number in 0 -5 many; do check "$number samples" fails "--count" "$work/target/x" -n "$number"; done
check "a negative seed" fails "--seed" "$work/target/x" -n 5 -s -1
check "a size that is none" fails "128 or 192x128" "$work/target/x" -n 5 --size big
check "a size too small" fails "32 to 2048" "$work/target/x" -n 5 --size 16
check "a size too narrow" fails "four times" "$work/target/x" -n 5 --size 64x512
scenes() { fails "$1" "$work/target/x" -n 1 --kind words "${@:2}"; }
check "an unknown typeface" scenes "there are liberation-sans" --typefaces papyrus=1
check "a typeface without a share" scenes "is written as lato=0.7" --typefaces lato
check "a share that is not a number" scenes "not a number" --say "Hello World=often"
check "four words to say" scenes "1 to 3 words" --say "one two three four=0.5"
check "an unknown source of words" scenes "dictionary, invented, random" --word-sources books=1
check "more words than there may be" scenes "not 3 to 2" --min-words 3 --max-words 2
check "letters too far apart" scenes "from 0 to 1" --tracking 2
check "capitals without a size" scenes "--smallest-capital" --smallest-capital inf
check "capitals larger than the picture" scenes "allow smaller ones" --smallest-capital 900
check "an unknown kind" fails "colour, shape" "$work/target/x" -n 5 --kind color
check "a mix without shares" fails "--mix" "$work/target/x" -n 5 --mix words
check "a mix of nothing" fails "above 0" "$work/target/x" -n 5 --mix words=0
check "a mix that is not a number" fails "mix" "$work/target/x" -n 5 --mix words=nan
check "an unknown split" fails "heldout" "$work/target/x" -n 5 --split test
check "too many words" fails "1 to 3 words" "$work/target/x" -n 5 --max-words 4
check "too long words" fails "2 to 8 letters" "$work/target/x" -n 5 --max-letters 9
check "prompts of no kind" fails "--kind" -n 5 --prompts "$work/target/x"
check "prompts of a kind that is not scored" fails "not scored" -n 5 --kind hybrid --prompts "$work/target/x"

# Ctrl-C
check "a folder to look into" [ -z "$(find "$work/target" -mindepth 1)" ]
for what in "--kind words --prompts" "--captions" "--size 2048 --contact-sheet" "--size 2048"; do
  "$sd35" make-dataset --quiet -n 10000000 $what "$work/target/x.png" 2>"$work/message" &
  pid=$!
  # Until it handles the signal (bit 1), which a program in the background begins by ignoring.
  until grep -q '^SigCgt:.*[2367abef]$' "/proc/$pid/status"; do sleep 0.1; done
  sleep 2
  kill -INT $pid
  wait $pid
  check "interrupted: $what" [ $? -eq 130 ]
  check "leaves nothing: $what" [ -z "$(find "$work/target" -mindepth 1)" ]
done

finish
