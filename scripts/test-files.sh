#!/usr/bin/env bash
# Names the test files of a tier, one a line: unit (unprivileged, quick) or root (mounts and loop devices, serial).
#
# A test file is one that imports tap itself; helpers import only its types. So a test is a file, dropped in, and
# nothing lists it. The root tier is whatever stands in these directories:
set -euo pipefail
cd "$(dirname "$0")/.."
root_tier='^test/(mount|block|fault)/|^test/cli/root-'

all() { grep -rlE "^import (t|tap|\{ *test\b.*|t, .*) from 'tap'" --include='*.ts' test | sort; }

case "${1-}" in
  unit) all | grep -vE "$root_tier" ;;
  root) all | grep -E "$root_tier" ;;
  *)
    echo 'usage: scripts/test-files.sh unit|root' >&2
    exit 2
    ;;
esac
