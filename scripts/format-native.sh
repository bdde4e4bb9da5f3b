#!/usr/bin/env bash
# Lays out the C++ with clang-format; with --check it only says which files would change.
#
# Version 14 first: it is what Debian 12 has, and versions differ in small ways.
# Exit status: 0 done or nothing to change, 1 files would change, 4 clang-format is not installed.
set -euo pipefail
cd "$(dirname "$0")/.."
tool=$(command -v clang-format-14 || command -v clang-format) || exit 4
mapfile -t files < <(find native test/native/engine -name '*.h' -o -name '*.cc')
if [[ ${1-} == --check ]]; then
  status=0
  for file in "${files[@]}"; do
    "$tool" "$file" | diff -U0 --label "$file" --label "$file, as clang-format has it" "$file" - || status=1
  done
  exit "$status"
else
  "$tool" -i "${files[@]}"
fi
