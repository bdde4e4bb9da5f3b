#!/usr/bin/env bash
# `npm test`: set-up if needed, the checks, then the tests that mount and attach. Needs root for the latter.
#
# Without root the checks run and the rest is named as not run, with exit status 0: that run proves all that an
# unprivileged user can prove, and its last lines say that it is not the whole proof.
# FUSE-over-io_uring is off after boot; it is switched on for this run and put back, also on Ctrl-C.
set -uo pipefail
cd "$(dirname "$0")/.."
source scripts/uring-switch.sh
counts=$(mktemp)
ran=$(mktemp)
PATH=$PATH:/usr/sbin:/sbin

finish() {
  put_uring_back
  rm -f "$counts" "$ran"
}
at_exit finish

run_root_tests() {
  local files
  mapfile -t files < <(scripts/test-files.sh root)
  echo "test: root tests (${#files[@]} files)"
  # Two at a time: half of a root test is waiting, and each finds only what is its own. The long timeout is the runner's
  # last resort: every wait inside a test has a deadline of its own.
  RINGVOL_TEST_RAN=$ran RINGVOL_TEST_SWITCHES=${RINGVOL_TEST_SWITCHES-1} RINGVOL_TEST_COUNTS=$counts \
    scripts/run-tests.sh --jobs=2 --timeout=600 \
    --before=test/support/sweep-abandoned.ts --after=test/support/sweep-abandoned.ts -- "${files[@]}"
}

if ((EUID == 0)); then
  scripts/setup.sh test || exit
else
  scripts/setup.sh build || exit
fi
result=0
RINGVOL_TEST_COUNTS=$counts scripts/check.sh || result=1
if ((EUID == 0)); then
  switch_uring_on
  run_root_tests || result=1
  echo "test: transports that ran: $(sort -u "$ran" | paste -sd ' ')"
else
  echo 'test: NOT RUN: the mount, block, command line and fault tests need root: sudo npm test'
fi
awk '{ passed += $1; failed += $2; skipped += $3 }
  END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }' "$counts"
exit "$result"
