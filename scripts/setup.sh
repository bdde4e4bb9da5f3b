#!/usr/bin/env bash
# Brings a machine and this checkout to the point where they can build, test or benchmark ringvol.
#
#   scripts/setup.sh build|test|bench
#
# Prints what it will install before it installs it, installs only what a probe finds missing, and touches nothing
# outside the package manager and this directory. With nothing missing it takes about a second.
# Exit status: 0 ready, 2 wrong usage, 3 something is missing that it may not or cannot install (one line names it).
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "setup: $*" >&2; }
lacking() {
  say "$1"
  exit 3
}

# A need is a probe and the Debian package that satisfies it.
has() { command -v "$1" >/dev/null 2>&1; }
has_fuzzer() { compgen -G '/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a' >/dev/null; }
has_library() { has pkg-config && pkg-config --exists "$1"; }
needs_build=(
  'has g++|g++' 'has make|make' 'has python3|python3' 'has pkg-config|pkg-config' 'has_library liburing|liburing-dev'
)
needs_bench=('has fio|fio' 'has mkfs.ext4|e2fsprogs' 'has losetup|mount' 'has blkdiscard|util-linux')
needs_test=(
  "${needs_bench[@]}" 'has xfs_io|xfsprogs' 'has mkfs.btrfs|btrfs-progs' 'has strace|strace'
  'has clang++-14 || has clang++|clang-14' 'has_fuzzer|libclang-rt-14-dev'
  'has nbdkit|nbdkit' 'has nbdfuse|libnbd-bin'
  'has clang-format-14 || has clang-format|clang-format-14' 'has clang-tidy-14 || has clang-tidy|clang-tidy-14'
)

case "${1-}" in
  build) needs=("${needs_build[@]}") ;;
  test) needs=("${needs_build[@]}" "${needs_test[@]}") ;;
  bench) needs=("${needs_build[@]}" "${needs_bench[@]}") ;;
  *)
    echo 'usage: scripts/setup.sh build|test|bench' >&2
    exit 2
    ;;
esac
# Debian keeps mkfs, losetup and their kin where an ordinary user's PATH does not look.
PATH=$PATH:/usr/sbin:/sbin

check_node() {
  { has node && has npm; } || lacking 'node and npm are missing; install Node.js 20.19 or later: https://nodejs.org/en/download'
  node -e '
    const [major, minor] = process.versions.node.split(".").map(Number)
    process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' ||
    lacking "node $(node --version) is older than package.json asks for; install Node.js 20.19 or later"
}

missing_packages() {
  local need
  for need in "${needs[@]}"; do
    eval "${need%|*}" || echo "${need##*|}"
  done
}

install_packages() {
  local packages
  mapfile -t packages < <(missing_packages)
  ((${#packages[@]})) || return 0
  has apt-get || lacking "missing, by their Debian names: ${packages[*]}; this machine has no apt-get, so install their like with its own package manager"
  ((EUID == 0)) || lacking "missing packages; run: sudo apt-get install --no-install-recommends ${packages[*]}"
  say "installing Debian packages: ${packages[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt_get() { apt-get -q -y -o Dpkg::Use-Pty=0 "$@" >&2 </dev/null; }
  apt_get update || say 'apt-get update failed; trying with the lists as they are'
  apt_get install --no-install-recommends "${packages[@]}" || lacking "apt-get could not install: ${packages[*]}"
  mapfile -t packages < <(missing_packages)
  ((${#packages[@]} == 0)) || lacking "still missing after installing: ${packages[*]}"
}

install_modules() {
  # npm writes .package-lock.json last, so an interrupted installation counts as none.
  local installed=node_modules/.package-lock.json
  [[ -f $installed && ! package-lock.json -nt $installed ]] && return 0
  say 'installing npm packages into node_modules: npm ci'
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2 </dev/null || lacking 'npm ci failed, see above'
}

# Takes out of tap the plugins that .taprc does without. tap would do it by itself, but only for its second run.
build_tap() {
  local built=node_modules/.tap-built
  [[ $built -nt .taprc && $built -nt node_modules/.package-lock.json ]] && return 0
  say 'fitting tap to .taprc: tap build'
  node_modules/.bin/tap build >&2 </dev/null || lacking 'tap build failed, see above'
  touch "$built"
}

# newer TARGET PATH… : something under PATH changed after TARGET was made
newer() {
  local target=$1
  shift
  [[ ! -e $target || -n $(find "$@" -path bench/results -prune -o -newer "$target" -print -quit) ]]
}

build() {
  if newer build/Release/ringvol.node binding.gyp native; then
    say 'building the native addon'
    npm run --silent build:addon >&2
  fi
  local bench=()
  [[ -d bench ]] && bench=(bench)
  if newer dist/.built src tsconfig.json tsconfig.suite.json test/backend "${bench[@]}"; then
    say 'compiling TypeScript'
    npm run --silent build:js >&2
  fi
}

check_node
install_packages
install_modules
[[ $1 == test ]] && build_tap
build
