#!/usr/bin/env bash
# The engine without Node under tools that see what tests cannot; one at a time, as long as asked for.
#
#   scripts/sanitize.sh fuzz       any bytes as messages: libFuzzer with ASan and UBSan      RINGVOL_TEST_FUZZ_SECONDS=60
#   scripts/sanitize.sh tsan       lanes on threads in bad weather, for data races           RINGVOL_TEST_ENGINE_ROUNDS=400
#   scripts/sanitize.sh asan       the addon inside Node, under mount tests (needs root): ASan, LSan, UBSan
#   scripts/sanitize.sh environment DIRECTORY    builds that addon; prints what its daemons need, reports go to DIRECTORY
#   scripts/sanitize.sh valgrind   the same, plain, for memory that was never written        RINGVOL_TEST_ENGINE_ROUNDS=12
#
# SEED=N repeats a run. What the fuzzer finds is written to build/engine/ and named in its last lines; an input worth
# keeping goes to test/native/engine/corpus/, where every test run replays it.
# Exit status: 0 nothing found, 1 something was, 2 wrong usage, 4 the tool is not installed.
set -euo pipefail
cd "$(dirname "$0")/.."
engine=test/native/engine
seed=${SEED-$RANDOM}
echo "seed $seed" >&2

build() { make -s -j2 -f $engine/Makefile "VARIANT=$1" "build/engine/$1/$2"; }

# For daemons alone (RINGVOL_TEST_DAEMON_ENVIRONMENT, test/support/ringvol.ts): mkfs and losetup must not be preloaded.
daemon_environment() {
  scripts/build-addon.sh --asan >&2
  printf '{"%s":"%s","%s":"%s","%s":"%s","%s":"%s","%s":"%s"}' \
    LD_PRELOAD "$(gcc -print-file-name=libasan.so)" RINGVOL_ADDON "$PWD/build/Debug/ringvol.node" \
    ASAN_OPTIONS "detect_leaks=1:halt_on_error=1:exitcode=99:log_path=$1/asan" \
    UBSAN_OPTIONS "halt_on_error=1:exitcode=98:print_stacktrace=1" LSAN_OPTIONS "exitcode=0"
}

case "${1-}" in
  fuzz)
    command -v clang++-14 clang++ >/dev/null || exit 4
    build fuzz fuzz
    mkdir -p build/engine/found
    build/engine/fuzz/fuzz -seed="$seed" -max_total_time="${RINGVOL_TEST_FUZZ_SECONDS-60}" -max_len=4096 -timeout=30 \
      -artifact_prefix=build/engine/ build/engine/found $engine/corpus || exit 1
    ;;
  tsan)
    build tsan random
    TSAN_OPTIONS=halt_on_error=1 build/engine/tsan/random "$seed" "${RINGVOL_TEST_ENGINE_ROUNDS-400}" 4 || exit 1
    ;;
  valgrind)
    command -v valgrind >/dev/null || exit 4
    build plain random
    valgrind --quiet --error-exitcode=1 --leak-check=full \
      build/engine/plain/random "$seed" "${RINGVOL_TEST_ENGINE_ROUNDS-12}" 1 || exit 1
    ;;
  environment)
    daemon_environment "${2:?a directory for reports}"
    ;;
  asan)
    npm run --silent build:js
    logs=build/asan-logs
    rm -rf $logs && mkdir -p $logs
    RINGVOL_TEST_DAEMON_ENVIRONMENT=$(daemon_environment "$PWD/$logs")
    export RINGVOL_TEST_DAEMON_ENVIRONMENT
    files=("${@:2}")
    ((${#files[@]})) || files=(test/mount/contract.ts test/mount/vectored.ts test/mount/lanes.ts)
    PATH=$PWD/node_modules/.bin:$PATH:/usr/sbin:/sbin
    tap --reporter=tap --jobs=1 --timeout=600 "${files[@]}" 2>&1 | node scripts/summary.js || exit 1
    compgen -G "$logs/asan.*" >/dev/null || { echo 'asan: no daemon wrote a report, so none ran with it' >&2; exit 1; }
    # Node frees little when it ends. A leak is ours when our frame comes before Node's, from the allocation up.
    if cat $logs/asan.* | awk '/leak of/ { stack = ""; known = 0 } { stack = stack "\n" $0 }
      / in ringvol::/ && !known { known = 1; print stack; ours = 1 } /\/node\+0x/ { known = 1 } END { exit !ours }'; then
      exit 1
    fi
    echo 'asan: no error, and no leak of ours'
    ;;
  *)
    echo 'usage: scripts/sanitize.sh fuzz|tsan|asan|environment DIRECTORY|valgrind' >&2
    exit 2
    ;;
esac
