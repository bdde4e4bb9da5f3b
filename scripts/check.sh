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

outputs=$(mktemp -d)
trap 'rm -rf "$outputs"' EXIT

# Side by side: clang-tidy alone takes most of a minute on two CPUs, and only eslint comes near it.
steps=()
step() {
  local name=$1
  shift
  steps+=("$name")
  {
    local started=$EPOCHREALTIME status=0
    "$@" >"$outputs/$name" 2>&1 || status=$?
    echo "$status $(awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $started }")" >"$outputs/$name.status"
  } &
}

# Told in the order of the steps, whichever ends first.
tell_steps() {
  local name status took
  wait
  for name in "${steps[@]}"; do
    read -r status took <"$outputs/$name.status"
    case $status in
      0) echo "check: $name ok ($took s)" ;;
      4) echo "check: $name skipped: not installed" ;;
      *)
        cat "$outputs/$name"
        echo "check: $name FAILED ($took s)"
        failed+=("$name")
        ;;
    esac
  done
}

step types tsc -p tsconfig.check.json
step eslint eslint --cache --cache-location build/eslint/ --max-warnings 0 .
step prettier prettier --check --log-level warn .
step clang-format scripts/format-native.sh --check
step clang-tidy scripts/lint-native.sh
tell_steps

mapfile -t files < <(scripts/test-files.sh unit)
echo "check: unit tests (${#files[@]} files)"
scripts/run-tests.sh -- "${files[@]}" || failed+=('unit tests')

if ((${#failed[@]})); then
  echo "check: FAILED: $(IFS=,; echo "${failed[*]}" | sed 's/,/, /g')"
  exit 1
fi
echo 'check: ok'
