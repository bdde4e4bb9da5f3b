/** A flame graph must give each function the share of samples it was in, and say whose time it is. */
import t from 'tap'
import { flameGraph, parseStacks } from '../../bench/report/flame.js'

const stacks = `node 7  3464.313285:    2004008 cpu-clock:pppH:
        ffffffff81b6dded copy_folio+0xcd ([kernel.kallsyms])
                   f64c7 __libc_pwrite+0x57 (/usr/lib/x86_64-linux-gnu/libc.so.6)
                   21dd3 ringvol::LaneCore::turn(std::function<void ()>)+0x43 (/srv/ringvol/build/Release/ringvol.node)
                 14ac8a7 uv_run+0x187 (/usr/bin/node)

node 7  3464.317386:    2004008 cpu-clock:pppH:
                   1a2b3 JS:*read file:///srv/ringvol/dist/dispatcher/data.js:12:21+0x10 (/tmp/perf-7.map)
                 14ac8a7 uv_run+0x187 (/usr/bin/node)

`

t.test('samples are counted for every function that was running, outermost at the root', (t) => {
  const root = parseStacks(stacks)
  t.equal(root.samples, 2)
  const run = root.callees.get('uv_run')
  t.match(run, { samples: 2, kind: 'node' })
  const turn = run?.callees.get('ringvol::LaneCore::turn(std::function<void ()>)')
  t.match(turn, { samples: 1, kind: 'addon' })
  t.match(turn?.callees.get('__libc_pwrite'), { samples: 1, kind: 'library' })
  t.match(turn?.callees.get('__libc_pwrite')?.callees.get('copy_folio'), { samples: 1, kind: 'kernel' })
  t.match([...(run?.callees.values() ?? [])].at(-1), { samples: 1, kind: 'javascript', name: /^JS:\*read/ })
  t.end()
})

t.test('a picture names each function with its share and needs nothing else', (t) => {
  const svg = flameGraph(parseStacks(stacks))
  t.match(svg, /<title>uv_run: 100\.0 %<\/title>/)
  t.match(svg, /turn\(std::function&lt;void \(\)&gt;\): 50\.0 %/)
  t.notMatch(svg, /<script|href/)
  t.end()
})

t.test('what holds no stacks has no samples', (t) => {
  t.equal(parseStacks('').samples, 0)
  t.equal(parseStacks('{"schema": 1}\n').samples, 0)
  t.end()
})
