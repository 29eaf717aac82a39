#!/usr/bin/env bash
# Where pictures go, from the outside: output_test.sh SD35
set -u
sd35=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$(dirname "$0")/checks.sh"
"$sd35" make-random-model --size tiny --dtype f32 --quiet -o "$work/tiny" || exit 1
mkdir "$work/here" && cd "$work/here" || exit 1
draw() { "$sd35" generate --quiet -m "$work/tiny" -p cat -W 32 -H 32 --steps 1 -g 1 --max-sequence-length 16 "$@"; }
says() { "$sd35" generate -m "$work/tiny" -p cat -W 32 -H 32 --steps 1 -g 1 --max-sequence-length 16 "$@" 2>/dev/null; }
holds() { # holds FOLDER NAME...: these and nothing else
  local folder=$1
  shift
  [ "$(ls -A "$folder" | tr '\n' ' ')" = "$(printf '%s\n' "$@" | LC_ALL=C sort | tr '\n' ' ')" ]
}
export LC_ALL=C

# Without a name nothing is replaced
check "the first" draw -s 1
cp out.png first.png
check "the second says its name" sh -c "[ -n '$(says -s 2 | grep '^out-2.png ')' ]"
check "several" draw -s 3 --count 2
check "all are there" holds . first.png out.png out-2.png out-3.png out-4.png
check "the first is what it was" cmp first.png out.png
for i in 1 2 3 4; do draw -s $i -o many/ & done
wait
check "four processes, four names" holds many out.png out-2.png out-3.png out-4.png

# A name replaces
check "a name" draw -s 2 -o first.png
check "holds the new picture" cmp first.png out-2.png
check "several are numbered" draw -s 1 --count 2 -o n.png
check "from one" holds . first.png many n-0001.png n-0002.png out.png out-2.png out-3.png out-4.png

# Folders and placeholders
check "a new folder" draw -s 1 -o new/folder/
check "twice" draw -s 1 -o new/folder
check "holds both" holds new/folder out.png out-2.png
check "folders of a name" draw -s 1 -o other/new/a.png
check "are made" holds other/new a.png
check "seeds" draw -s 41 --count 2 -o 'seeds/cat-{seed}.png'
check "in the names" holds seeds cat-41.png cat-42.png
check "numbers" draw -s 41 --count 2 -o 'numbers/{index}-of-{seed}.png'
check "in the names" holds numbers 0001-of-41.png 0002-of-42.png
check "folders by seed" draw -s 41 -o '{seed}/a.png'
check "are made" holds 41 a.png

# Two files of one name: one would be lost
for other in preview profile; do
  expect "--$other in the place of the picture" 2 "--output and --$other name the same file" draw -s 1 -o both.png --$other ./both.png
  expect "--$other in the place of one of several" 2 "name the same file" draw -s 1 --count 3 -o both.png --$other both-0002.png
done
check "nothing is written" [ ! -e both.png ]

# A preview that cannot be written does not cost the picture
mkdir small
if unshare -m mount -t tmpfs -o size=8k none small 2>/dev/null; then # root's
  full='mount -t tmpfs -o size=8k none small && head -c 8192 /dev/zero >small/full; "$0" "$@"'
  check "without previews" unshare -m sh -c "$full" "$sd35" generate -m "$work/tiny" -p cat -W 32 -H 32 --steps 3 -g 1 --max-sequence-length 16 \
    -o kept.png --preview small/p.png 2>err
  check "is a warning, once" [ "$(grep -c 'there are no more previews' err)" -eq 1 ]
  check "and the picture is there" [ -s kept.png ]
  rm -f kept.png
fi
rmdir small

# The standard output
draw -s 1 -o - >piped 2>err
check "a picture to a pipe" cmp piped other/new/a.png
check "in silence" [ ! -s err ]
"$sd35" generate -m "$work/tiny" -p cat -W 32 -H 32 --steps 1 -g 1 --max-sequence-length 16 -s 1 -o - >piped 2>err
check "nothing but the picture" cmp piped other/new/a.png
check "the rest on stderr" grep -q "seed 1" err
expect "a full pipe" 3 "standard output" sh -c "'$sd35' generate --quiet -m '$work/tiny' -p cat -W 32 -H 32 --steps 1 -g 1 -o - >/dev/full"

# What cannot be written is reported before the work: every model here is missing, and not yet looked at
long=$(printf 'n%.0s' $(seq 252)).png
mkdir -p taken/n-0002.png
echo >file
before=$(find . | sort)
early() { "$sd35" generate --quiet -m "$work/missing" -p cat "$@"; }
expect "several to standard output" 2 "one picture" early --count 2 -o -
expect "JSON and standard output" 2 "standard output" early --json -o -
expect "no name" 2 "--output" early -o ""
touch fixed.png
if chattr +i fixed.png 2>/dev/null; then # root's, on file systems that know it
  expect "a file that cannot be replaced" 3 "is immutable" early -o fixed.png
  chattr -i fixed.png
fi
rm fixed.png
expect "no extension" 2 ".png" early -o picture
expect "another extension" 2 ".bmp" early -o picture.bmp
expect "an unknown placeholder" 2 "{seed}" early -o '{sed}.png'
expect "a long name" 3 "too long" early -o "$long"
expect "a long name in a new folder" 3 "too long" early -o "new/x/$long"
expect "the second is a folder" 3 "n-0002.png" early --count 3 -o taken/n.png
expect "a file as a folder" 3 "not a folder" early -o file/a.png
expect "a file as a folder, by its slash" 3 "not a folder" early -o file/
expect "a preview of another kind" 2 ".safetensors" early --preview x.safetensors
expect "a preview that is a folder" 3 "folder" early --preview taken/n-0002.png
expect "a profile that is a folder" 3 "taken" draw --profile taken -o x.png
expect "a model that is missing" 3 "missing" early -o brand/new/a.png
check "nothing was made" [ "$before" = "$(find . | sort)" ]

# Ctrl-C
"$sd35" generate --json -m "$work/tiny" -p cat -W 512 -H 512 --steps 1000 -o made/here/ >"$work/json" 2>/dev/null &
pid=$!
for _ in $(seq 600); do
  grep -q '"stage":"denoise"' "$work/json" && break
  sleep 0.05
done
kill -INT $pid
wait $pid
check "interrupted" [ $? -eq 130 ]
check "nothing is left of it" [ "$before" = "$(find . | sort)" ]

finish
