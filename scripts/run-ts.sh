#!/usr/bin/env bash
# Runs a TypeScript program of test/ from its source, with the loader that the tests have (.taprc).
#
#   scripts/run-ts.sh test/fsx/main.ts --ops 1000
set -euo pipefail
cd "$(dirname "$0")/.."
[[ -d node_modules/tsx ]] || { echo 'ringvol: node_modules is missing; run: npm ci' >&2; exit 3; }

# Types are checked by `npm run check`. Debian keeps losetup and mkfs where an ordinary user's PATH does not look.
export PATH=$PATH:/usr/sbin:/sbin
exec node --import=tsx "$@"
