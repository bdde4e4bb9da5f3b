#!/usr/bin/env bash
# Runs a TypeScript program of test/ from its source, with the loader that tap brings for the tests themselves.
#
#   scripts/run-ts.sh test/fsx/main.ts --ops 1000
set -euo pipefail
cd "$(dirname "$0")/.."
[[ -d node_modules/@tapjs/typescript ]] || { echo 'ringvol: node_modules is missing; run: npm ci' >&2; exit 3; }

# Types are checked by `npm run check`. Debian keeps losetup and mkfs where an ordinary user's PATH does not look.
export TS_NODE_TRANSPILE_ONLY=1 TS_NODE_PROJECT=$PWD/tsconfig.tap.json PATH=$PATH:/usr/sbin:/sbin
exec node --import=@tapjs/typescript/import "$@"
