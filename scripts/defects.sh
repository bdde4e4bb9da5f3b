#!/usr/bin/env bash
# `npm run test:defects`: every known mistake is planted in a copy, and the test that it names must find it.
#
# Without root those whose test mounts are skipped. FUSE-over-io_uring is switched on for the run and put back, also on
# Ctrl-C. Exit status: 0 all were found, 1 one was not.
set -uo pipefail
cd "$(dirname "$0")/.."
source scripts/uring-switch.sh

if ((EUID == 0)); then prepare_mounts; fi
export RINGVOL_TEST_DEFECTS=${RINGVOL_TEST_DEFECTS-all}
PATH=$PWD/node_modules/.bin:$PATH:/usr/sbin:/sbin
tap --reporter=tap --timeout=3600 test/defects/planted.ts | node scripts/summary.js
