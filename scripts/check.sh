#!/usr/bin/env bash
# What must be true before a commit, unprivileged and quick: types, lint, layout, tidy and the unit tests.
#
# Every step runs even if one before it failed, so that one run shows everything there is to mend. A tool that is not
# installed is named and skipped; the packages are listed in scripts/setup.sh.
set -uo pipefail
cd "$(dirname "$0")/.."
[[ -x node_modules/.bin/tsc ]] || { echo 'check: node_modules is missing; run: npm ci' >&2; exit 3; }
PATH=$PWD/node_modules/.bin:$PATH
failed=()

step() {
  local name=$1 started=$EPOCHREALTIME status output
  shift
  output=$("$@" 2>&1)
  status=$?
  local took
  took=$(awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $started }")
  case $status in
    0) echo "check: $name ok ($took s)" ;;
    4) echo "check: $name skipped: not installed" ;;
    *)
      printf '%s\n' "$output"
      echo "check: $name FAILED ($took s)"
      failed+=("$name")
      ;;
  esac
}

step types tsc -p tsconfig.check.json
step eslint eslint --cache --cache-location build/eslint/ --max-warnings 0 .
step prettier prettier --check --log-level warn .
step clang-format scripts/format-native.sh --check
step clang-tidy scripts/lint-native.sh

mapfile -t files < <(scripts/test-files.sh unit)
echo "check: unit tests (${#files[@]} files)"
tap --reporter=tap "${files[@]}" 2>&1 | node scripts/summary.js
status=("${PIPESTATUS[@]}")
((status[0] == 0 && status[1] == 0)) || failed+=('unit tests')

if ((${#failed[@]})); then
  echo "check: FAILED: $(IFS=,; echo "${failed[*]}" | sed 's/,/, /g')"
  exit 1
fi
echo 'check: ok'
