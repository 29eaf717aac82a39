#!/usr/bin/env bash
# The ABI of the library for C only grows: abi_test.sh LIBRARY BASELINE HEADER
# With `update` at the end the baseline is made again, in the commit that adds to it.
set -euo pipefail
library=$1 baseline=$2 header=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# What other headers declare is not of this ABI.
mkdir "$work/headers"
cp "$header" "$work/headers"
abidw --headers-dir "$work/headers" --drop-private-types --exported-interfaces-only --no-corpus-path --no-comp-dir-path \
  --no-show-locs --no-elf-needed "$library" >"$work/now.abi"
if [ "${4-}" = update ]; then cp "$work/now.abi" "$baseline"; fi
compatible() { abidiff --no-added-syms "$1" "$work/now.abi" >"$work/report"; }
compatible "$baseline" || { cat "$work/report"; exit 1; }

# What would break programs is found: a function that is gone, a struct that has changed. One that is new may be.
changed() { # changed WHAT SED-EXPRESSION
  sed "$2" "$baseline" >"$work/changed.abi"
  if cmp -s "$work/changed.abi" "$baseline"; then echo "the baseline has no $1" >&2; exit 1; fi
}
changed function "s/'sd35_cancel'/'sd35_stop'/"
if compatible "$work/changed.abi"; then echo "a function that is gone is not seen" >&2; exit 1; fi
changed "struct of six fields" "/layout-offset-in-bits='320'/,/<.data-member>/d; s/size-in-bits='384'/size-in-bits='320'/"
if compatible "$work/changed.abi"; then echo "a struct that has changed is not seen" >&2; exit 1; fi
changed function "/<elf-symbol name='sd35_abi_version'/d; /<function-decl name='sd35_abi_version'/,/<.function-decl>/d"
compatible "$work/changed.abi" || { echo "a new function is refused:" >&2; cat "$work/report"; exit 1; }
