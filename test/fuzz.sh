#!/usr/bin/env bash
# Runs the fuzz targets of the module for FUZZ_TIME each: all of them, or those
# whose "folder target" ends in one of FUZZ_ONLY.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${FUZZ_TIME:-10s}
grep -rlE '^func Fuzz' --include='*_test.go' internal test | xargs -n1 dirname | sort -u | while read -r dir; do
  for target in $(grep -hoE '^func (Fuzz[A-Za-z0-9_]+)' "$dir"/*_test.go | awk '{print $2}'); do
    [[ -z ${FUZZ_ONLY:-} || "$dir $target" =~ /($FUZZ_ONLY)$ ]] || continue
    echo "fuzz $dir $target"
    go test "./$dir" -run '^$' -fuzz "^${target}\$" -fuzztime "$time" -fuzzminimizetime 1x -parallel "${FUZZ_PARALLEL:-2}"
  done
done
