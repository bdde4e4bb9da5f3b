#!/usr/bin/env bash
# Compiles what node runs: src to dist, bench to dist/bench, and the exported backend suite to dist/test/backend.
#
# The suite imports its contract as ../../src/backend/backend.js, which is right in the source tree; in dist the
# contents of src stand at the top, so that one prefix is rewritten.
# dist/.built is the time the compiled sources were read at; scripts/setup.sh compares it with the sources.
set -euo pipefail
cd "$(dirname "$0")/.."
tsc=node_modules/.bin/tsc
[[ -x $tsc ]] || { echo 'ringvol: node_modules is missing; run: npm ci' >&2; exit 3; }
mkdir -p dist
touch dist/.building

"$tsc" -p tsconfig.json
chmod +x dist/cli/main.js

rm -rf build/suite
"$tsc" -p tsconfig.suite.json
mkdir -p dist/test/backend
for file in build/suite/test/backend/*.{js,d.ts}; do
  sed 's#\.\./\.\./src/#../../#g' "$file" >"dist/test/backend/${file##*/}"
done
rm -rf build/suite

if [[ -f bench/tsconfig.json ]]; then
  "$tsc" -p bench
fi
mv dist/.building dist/.built
