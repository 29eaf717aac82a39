#!/usr/bin/env bash
# Runs fuzz targets, as many at once as there are cores, each from the seeds in corpus/ and from what earlier runs found:
#   tests/fuzz/run.sh BUILD_FOLDER SECONDS [TARGET]...       such as: tests/fuzz/run.sh build-fuzz 60 image recipe
# Without TARGET all that are built. BUILD_FOLDER/fuzzing keeps a log of each, its inputs of interest (NAME/), and what fails
# (NAME-crash-..., NAME-timeout-..., to be given to the target again). Exits with 1 where one fails.
set -euo pipefail
refuse() {
  echo "run.sh: $1" >&2
  exit 2
}
[ $# -ge 2 ] || refuse "which build folder, and how many seconds for each target? As in: tests/fuzz/run.sh build-fuzz 60"
[[ $2 =~ ^[1-9][0-9]{0,6}$ ]] || refuse "'$2' is not a whole number of seconds"
corpus=$(cd "$(dirname "${BASH_SOURCE[0]}")/corpus" && pwd)
programs=$(cd "$1/tests/fuzz" 2>/dev/null && pwd) ||
  refuse "nothing is built in $1; cmake --preset fuzz && cmake --build --preset fuzz"
seconds=$2
jobs=$(nproc)  # before OMP_NUM_THREADS is set, which it respects
shift 2

names=("${@%_fuzz}")
if [ $# -eq 0 ]; then
  for program in "$programs"/*_fuzz; do names+=("$(basename "${program%_fuzz}")"); done
fi
for name in "${names[@]}"; do
  [ -x "$programs/${name}_fuzz" ] || refuse "there is no target $programs/${name}_fuzz"
done
kept=$(dirname "$(dirname "$programs")")/fuzzing
mkdir -p "$kept"
# Targets write files for each input; on a disk that is most of their time.
memory=/dev/shm
[ -w $memory ] || memory=$kept
TMPDIR=$(mktemp -d "$memory/sd35_fuzzing_XXXXXX")
trap 'rm -rf "$TMPDIR"' EXIT
export corpus programs seconds kept TMPDIR OMP_NUM_THREADS=1

one() { # one TARGET
  local name=$1 log=$kept/$1.log folders=("$kept/$1")
  mkdir -p "$kept/$name"
  [ -d "$corpus/$name" ] && folders+=("$corpus/$name")
  if "$programs/${name}_fuzz" -max_total_time="$seconds" -rss_limit_mb=4096 -timeout=25 -verbosity=0 -print_final_stats=1 \
    -artifact_prefix="$kept/$name-" "${folders[@]}" >"$log" 2>&1; then
    echo "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs in $seconds s, nothing found"
  else
    cat "$log"
    echo "$name: FAILED; the log is $log"
    return 1
  fi
}
export -f one
printf '%s\n' "${names[@]}" | xargs -P "$jobs" -I{} bash -c 'one {}' || exit 1
