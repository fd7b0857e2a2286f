#!/bin/sh
# fuzz/run.sh [SECONDS [NAME...]]: builds the fuzzers and runs each, or those named, for SECONDS (default 5), from
# the seeds in fuzz/corpus, one on each processor. What they learn and find goes to the build directory (BUILD_DIR,
# default build/fuzz). Ends at the first finding, with a status other than 0.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-5}
[ $# -eq 0 ] || shift
# shellcheck disable=SC2046 # A name a word.
[ $# -gt 0 ] || set -- $(ls fuzz/corpus)
build=${BUILD_DIR:-build/fuzz}

cmake --preset fuzz -B "$build" >/dev/null
cmake --build "$build" --target fuzzers

# Of one fuzzer; 255 has xargs start no other.
# shellcheck disable=SC2016 # The shell that xargs starts fills in the variables.
run_one='
build=$0 seconds=$1 name=$2
seeds=fuzz/corpus/$name
[ -d "$seeds" ] || seeds=
learned=$build/fuzz/corpus/$name
findings=$build/fuzz/findings
log=$build/fuzz/fuzz_$name.log
mkdir -p "$learned" "$findings"
if ! "$build/fuzz/fuzz_$name" -max_total_time="$seconds" -timeout=1 -rss_limit_mb=512 -max_len=4096 \
    -artifact_prefix="$findings/$name-" "$learned" $seeds >"$log" 2>&1; then
  tail -n 60 "$log" >&2
  echo "fuzz_$name: found something: see $log and $findings" >&2
  exit 255
fi
echo "fuzz_$name: $(grep Done "$log")"
'
# The quarantine of freed memory would count against the memory limit.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=16"
printf '%s\n' "$@" | xargs -P "$(nproc)" -n 1 sh -c "$run_one" "$build" "$seconds"
