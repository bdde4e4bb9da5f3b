#!/usr/bin/env bash
# `npm run torture -- --minutes N`: set-up if needed, then every scenario of test/torture again and again.
#
# FUSE-over-io_uring is switched on for the run and put back, also on Ctrl-C. Exit status: 0 nothing was lost, nobody
# hung, nothing crashed; 1 something did, the report says what; 2 wrong usage; 3 this machine lacks something.
set -uo pipefail
cd "$(dirname "$0")/.."
source scripts/uring-switch.sh

if ((EUID != 0)); then
  echo 'torture: mounts need root: sudo npm run torture' >&2
  exit 3
fi
prepare_mounts
scripts/run-ts.sh test/torture/runner/main.ts "$@"
