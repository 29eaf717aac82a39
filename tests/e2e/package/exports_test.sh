#!/usr/bin/env bash
# The shared library shows what its headers promise, and nothing else: exports_test.sh LIBRARY INCLUDE_FOLDER
set -euo pipefail
library=$1 headers=$2
# The functions and classes that the headers mark.
promised=$(sed -nE 's/^class SD35_API ([A-Za-z_]+).*/\1/p; s/^SD35_API ([^(]*[ &*])?([A-Za-z_]+)\(.*/\2/p' "$headers"/sd35/*.h | sort -u)
[ "$(wc -l <<<"$promised")" -ge 20 ] || { echo "the headers mark too little: $promised" >&2; exit 1; }
# Below "sd35::", the first name: of a function itself, of a member its class.
shown=$(nm -DC --defined-only "$library" | sed -E 's/^[0-9a-f]+ . //; s/^(vtable|typeinfo|typeinfo name) for //' |
  grep -v '^[0-9a-f]* *A ' | sed -E 's/\[abi:[a-z0-9]+\]//; s/^sd35::([A-Za-z_]+).*/\1/' | sort -u)
status=0
while read -r name; do
  grep -qxF "$name" <<<"$promised" || { echo "$library shows '$name', which no header promises" >&2; status=1; }
done <<<"$shown"
while read -r name; do
  grep -qxF "$name" <<<"$shown" || { echo "$library lacks '$name', which a header promises" >&2; status=1; }
done <<<"$promised"
exit $status
