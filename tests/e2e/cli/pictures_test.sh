#!/usr/bin/env bash
# Pictures that go into a drawing, from the outside: pictures_test.sh SD35
set -u
sd35=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$(dirname "$0")/checks.sh"

tiny=$work/tiny
"$sd35" make-random-model --size tiny --dtype f32 --seed 7 --quiet -o "$tiny" || exit 1
draw() { "$sd35" generate --quiet --dtype f32 -m "$tiny" -p "a red cube" --steps 3 --max-sequence-length 16 "$@"; }
cd "$work" || exit 1
draw -W 64 -H 48 -s 1 -o in.png && draw -W 64 -H 48 -s 2 -o mask.png || exit 1

check "a picture to begin with" draw --init in.png -s 5 -o from.png
check "as a JPEG" draw -W 64 -H 48 -s 1 -o in.jpg
check "goes in too" draw --init in.jpg -s 5 -o from-jpeg.png
check "a part of it" draw --init in.png --mask mask.png -s 5 -o painted.png
check "larger" draw --init in.png --outpaint 16,0,0,0 -s 5 -o wider.png
check "in two passes" draw -W 64 -H 48 --hires 2 --upscaler lanczos -s 5 -o large.png
check "as a reference" draw --edit in.png --reference-tokens -s 5 -o edited.png
draw --init in.png -s 5 --no-metadata -o a.png
draw --init in.png -s 5 --no-metadata -o b.png
check "the same bytes each time" cmp a.png b.png

# Recipes name pictures by what they hold.
mkdir replay && cp painted.png in.png mask.png replay/
check "a replay finds them beside the picture" "$sd35" generate --quiet -m "$tiny" --from-image replay/painted.png -o again.png
check "and has the same bytes" cmp painted.png again.png
mv replay/mask.png else.png
(cd replay && expect "one that is missing is asked for" 3 "--mask" "$sd35" generate -m "$tiny" --from-image painted.png -o ../again.png)
check "and found where the caller says" "$sd35" generate --quiet -m "$tiny" --from-image replay/painted.png --mask else.png -o again.png
rm mask.png && cp from.png replay/mask.png
"$sd35" generate -m "$tiny" --from-image replay/painted.png -o again.png 2>warnings
check "another of its name is a warning" grep -q "is not the one" warnings

expect "a mask of another size" 2 "they must have the same" draw --init in.png --mask wider.png -o no.png
expect "a mask without a picture" 2 "--init" draw --mask mask.png -o no.png
expect "a model that was not trained to edit" 2 "--reference-tokens" draw --edit in.png -o no.png
head -c 200 in.png >cut.png
expect "a picture that is cut" 3 "cut.png" draw --init cut.png -o no.png
check "nothing is left of what was refused" [ ! -e no.png ]
finish
