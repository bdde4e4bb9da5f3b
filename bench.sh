#!/usr/bin/env bash
# The benchmark: ringvol beside a plain loop device, in one run. docs/benchmark.md says how and what it means.
#
#   sudo ./bench.sh            five rounds of everything
#   sudo ./bench.sh --quick    once, within 60 seconds
#   ./bench.sh --help
#
# Sets the machine up first (scripts/setup.sh prints what it installs before it does). Works from any directory; paths
# in options are relative to yours.
set -euo pipefail
project=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")" && pwd)

# Debian keeps losetup, mkfs and e2fsck where an ordinary user's PATH does not look.
PATH=$PATH:/usr/sbin:/sbin
case " $* " in
  *' --help '* | ' compare '* | ' report '* | ' flame '*) "$project/scripts/setup.sh" build ;; # nothing is measured
  *) "$project/scripts/setup.sh" bench ;;
esac
exec node --enable-source-maps "$project/dist/bench/bench/main.js" "$@"
