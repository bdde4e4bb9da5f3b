#!/usr/bin/env bash
# Runs clang-tidy over the C++ files that changed since they last passed; all of them takes a minute, one a second.
#
# build/tidy/ holds an empty file per source that passed; a header is read through the sources that include it, so a
# newer header, configuration or compile command makes every pass void.
# Exit status: 0 clean, 1 findings, 4 clang-tidy is not installed or nothing was built that could be linted.
set -euo pipefail
cd "$(dirname "$0")/.."
tool=$(command -v clang-tidy-14 || command -v clang-tidy) || exit 4
[[ -f build/Makefile ]] || exit 4
if [[ ! -s compile_commands.json || build/Makefile -nt compile_commands.json ]]; then
  scripts/compile-commands.sh
fi

mkdir -p build/tidy
newest_common=$(find native .clang-tidy compile_commands.json -type f -not -name '*.cc' -printf '%T@ %p\n' |
  sort -n | tail -n 1 | cut -d' ' -f2-)
lint() {
  local source=$1 passed=build/tidy/${1//\//_}
  if [[ $passed -nt $source && $passed -nt $newest_common ]]; then
    return 0
  fi
  "$tool" --quiet -p . "$source" 2>/dev/null || return 1
  mkdir -p build/tidy
  touch "$passed"
}
export -f lint
export tool newest_common
find native -name '*.cc' -print0 | sort -z | xargs -0 -n 1 -P "$(nproc)" bash -c 'lint "$1"' lint || exit 1
