#!/usr/bin/env bash
# The library for C from the outside: c_test.sh EXAMPLE LIBRARY SD35 REPOSITORY
set -u
example=$(realpath "$1") library=$(realpath "$2") sd35=$(realpath "$3") repository=$(realpath "$4")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$repository/tests/e2e/cli/checks.sh"
cd "$work" || exit 1
"$sd35" make-random-model --size tiny --dtype f32 --seed 7 --quiet -o tiny || exit 1
options='{"width": 64, "height": 48, "seed": 5, "num_inference_steps": 3, "max_sequence_length": 16, "metadata": false}'

check "the example draws" "$example" tiny "a red cube" c.png "$options" 2>c.err
check "and shows its steps" grep -q "step 3 of 3" c.err
check "Python draws by ctypes" python3 "$repository/examples/c/draw.py" "$library" tiny "a red cube" python.png "$options"
check "the program draws" "$sd35" generate --quiet -m tiny -p "a red cube" -W 64 -H 48 -s 5 --steps 3 \
  --max-sequence-length 16 --no-metadata -o program.png
check "C and the program: the same bytes" cmp c.png program.png
check "Python and the program: the same bytes" cmp python.png program.png

"$example" tiny "a red cube" no.png '{"widht": 64}' 2>err
check "a wrong option is exit code 2" [ $? -eq 2 ]
check "in one line" grep -q "error: there is no option 'widht'; did you mean width?" err
"$example" nowhere "a red cube" no.png 2>err
check "a missing model is exit code 3" [ $? -eq 3 ]
"$example" tiny "a red cube" no.png '{"width": 512, "height": 512, "num_inference_steps": 200}' 2>err &
program=$!
until grep -q "step 1 of" err || ! kill -0 $program 2>/dev/null; do sleep 0.05; done
kill -INT $program
wait $program
check "an interrupt is exit code 130" [ $? -eq 130 ]
check "no picture is left of it" [ ! -e no.png ]
check "only functions of C are shown" sh -c "nm -D --defined-only '$library' | awk '{print \$3}' | grep -v '^SD35_1' | grep -vq '^sd35_' && exit 1 || exit 0"

finish
