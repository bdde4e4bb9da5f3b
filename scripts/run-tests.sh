#!/usr/bin/env bash
# Runs test files through tap, and those that failed a second time, alone.
#
#   scripts/run-tests.sh [tap option…] -- FILE…
#
# Files run side by side, so a deadline can be missed because a neighbour had the CPUs; a failure that repeats when
# nothing else runs is a finding. What failed only once is named at the end, with its report above, and is no failure.
# With RINGVOL_TEST_COUNTS, a line `passed failed skipped` is appended to that file, as scripts/summary.js writes it.
# Exit status: 0 all passed, 1 something failed twice.
set -uo pipefail
cd "$(dirname "$0")/.."
options=()
while [[ $1 != -- ]]; do
  options+=("$1")
  shift
done
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# run NAME [tap option…] FILE…: counts to $work/NAME, names of files that failed to $work/failed
run() {
  local name=$1 status
  shift
  rm -f "$work/failed"
  node_modules/.bin/tap --reporter=tap --save="$work/failed" "${options[@]}" "$@" 2>&1 |
    RINGVOL_TEST_COUNTS=$work/$name node scripts/summary.js
  status=("${PIPESTATUS[@]}")
  ((status[0] == 0 && status[1] == 0))
}

tell() { [[ -z ${RINGVOL_TEST_COUNTS-} ]] || echo "$@" >>"$RINGVOL_TEST_COUNTS"; }

if run first "$@"; then
  tell "$(<"$work/first")"
  exit 0
fi
mapfile -t again < <(grep . "$work/failed" 2>/dev/null)
read -r passed failed skipped <"$work/first" || { passed=0 failed=1 skipped=0; }
if ((${#again[@]} == 0)); then
  tell "$passed $failed $skipped"
  exit 1
fi
echo "test: again, alone: ${again[*]}"
if run second --jobs=1 "${again[@]}"; then
  echo "test: FAILED ONCE, passed alone: ${again[*]}"
  tell "$passed 0 $skipped"
  exit 0
fi
tell "$passed $failed $skipped"
exit 1
