#!/usr/bin/env bash
# Writes compile_commands.json for clangd and clang-tidy: what node-gyp would run, asked of make without running it.
set -euo pipefail
cd "$(dirname "$0")/.."
[[ -f build/Makefile ]] || { echo 'ringvol: no build/Makefile; run: npm run build:addon' >&2; exit 3; }

make -C build BUILDTYPE=Release V=1 --always-make --dry-run 2>/dev/null |
  node -e '
    const lines = require("node:fs").readFileSync(0, "utf8").split("\n")
    const rows = lines.flatMap((line) => {
      const file = /^(?:\S*\/)?(?:g|c|clang)\+\+ .* \.\.\/(native\/\S+\.cc) /.exec(line)?.[1]
      return file === undefined ? [] : [{ directory: `${process.cwd()}/build`, file: `../${file}`, command: line }]
    })
    if (rows.length === 0) throw new Error("make named no compiler command")
    process.stdout.write(JSON.stringify(rows, null, 1) + "\n")
  ' >compile_commands.json
