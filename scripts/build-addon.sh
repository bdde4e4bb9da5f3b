#!/usr/bin/env bash
# Builds the native addon; npm runs this as the package's install script too, so it needs nothing but this package.
#
#   scripts/build-addon.sh            build/Release/ringvol.node
#   scripts/build-addon.sh --debug    build/Debug/ringvol.node, -O0 -g3   (load it with RINGVOL_ADDON=path)
#   scripts/build-addon.sh --asan     the same with AddressSanitizer and UndefinedBehaviourSanitizer; docs/hacking.md
#
# Node's headers: where the distribution installed them beside node they are used, so the build works offline and
# against exactly this node; else node-gyp downloads them.
set -euo pipefail
cd "$(dirname "$0")/.."

die() {
  echo "ringvol: cannot build the native addon: $1" >&2
  exit 3
}

missing=()
command -v g++ >/dev/null || missing+=(g++)
command -v make >/dev/null || missing+=(make)
command -v python3 >/dev/null || missing+=(python3)
command -v pkg-config >/dev/null || missing+=(pkg-config)
{ command -v pkg-config >/dev/null && pkg-config --exists liburing; } || missing+=(liburing-dev)
if ((${#missing[@]})); then
  die "missing ${missing[*]}; on Debian or Ubuntu: apt-get install ${missing[*]}"
fi

configuration=--release built=Release
case "${1-}" in
  '') ;;
  --debug) configuration=--debug built=Debug ;;
  --asan)
    configuration=--debug built=Debug
    export CXXFLAGS="${CXXFLAGS-} -fsanitize=address,undefined -fno-omit-frame-pointer"
    export LDFLAGS="${LDFLAGS-} -fsanitize=address,undefined"
    ;;
  *)
    echo "ringvol: unknown option '$1'; usage: scripts/build-addon.sh [--debug|--asan]" >&2
    exit 2
    ;;
esac

if [[ -z ${npm_config_nodedir-} ]]; then
  prefix=$(node -p 'require("path").resolve(process.execPath, "../..")')
  if [[ -f $prefix/include/node/node_api.h ]]; then
    export npm_config_nodedir=$prefix
  fi
fi

# npm puts its own node-gyp on the PATH of scripts; called by hand, take the one of the development dependencies.
PATH=$PWD/node_modules/.bin:$PATH
command -v node-gyp >/dev/null || die 'no node-gyp; start this with: npm run build:addon'
log=$(mktemp)
started=$(mktemp)
trap 'rm -f "$log" "$started"' EXIT
if ! JOBS=max node-gyp configure build "$configuration" --loglevel=error >"$log" 2>&1; then
  cat "$log" >&2
  die 'the compiler output above says why'
fi
grep -E 'warning:' "$log" >&2 || true
# make leaves an unchanged addon alone; its time says when the sources were read, which scripts/setup.sh compares.
touch -r "$started" "build/$built/ringvol.node"
