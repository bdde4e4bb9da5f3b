/**
 * A flame graph of what `perf script` prints, as one SVG that needs nothing else: no Perl, no script, no network.
 *
 * A box is a function, as wide as its share of the samples, on top of the one that called it; the pointer shows its
 * name and share. Kernel, addon, JavaScript and the rest of Node have a colour each, because that is the question here:
 * whose time is it?
 */
import { escapeXml } from './svg.js'

export interface Frame {
  readonly name: string
  readonly kind: Kind
  samples: number
  readonly callees: Map<string, Frame>
}
type Kind = 'all' | 'kernel' | 'addon' | 'javascript' | 'node' | 'library'

const colours: Readonly<Record<Kind, string>> = {
  all: '#c8ccd2',
  kernel: '#e8a87c',
  addon: '#7fb7e6',
  javascript: '#f2d16b',
  node: '#9ed3a6',
  library: '#c9b1e0',
}

const kindOf = (name: string, object: string): Kind => {
  if (object.includes('[kernel') || object.endsWith('.ko')) return 'kernel'
  if (object.endsWith('ringvol.node')) return 'addon'
  if (/^(JS:|LazyCompile:|Function:|Eval:|Script:)/.test(name)) return 'javascript'
  return /\/node$|^\[JIT\]|perf-\d+\.map$/.test(object) ? 'node' : 'library'
}

const newFrame = (name: string, kind: Kind): Frame => ({ name, kind, samples: 0, callees: new Map() })

/** Samples are separated by blank lines; each has a line of its own and then one a frame, innermost first. */
export const parseStacks = (text: string): Frame => {
  const root = newFrame('all', 'all')
  for (const block of text.split(/\n\s*\n/)) {
    const frames = block.split('\n').flatMap((line) => {
      const [, name = '', object = ''] =
        /^\s+[0-9a-f]+ (.*?)(?:\+0x[0-9a-f]+)? \(([^()]*(?:\(deleted\))?)\)$/.exec(line) ?? []
      return name === '' ? [] : [{ name, kind: kindOf(name, object) }]
    })
    if (frames.length === 0) continue
    root.samples += 1
    let at = root
    for (const { name, kind } of frames.reverse()) {
      const next = at.callees.get(name) ?? newFrame(name, kind)
      at.callees.set(name, next)
      next.samples += 1
      at = next
    }
  }
  return root
}

const width = 1400
const row = 17

const depthOf = ({ callees }: Frame): number => 1 + Math.max(0, ...[...callees.values()].map(depthOf))

/** Boxes narrower than half a pixel are left out, with all above them. */
const boxes = (frame: Frame, total: number, x: number, level: number, height: number): string => {
  const wide = (frame.samples / total) * width
  if (wide < 0.5) return ''
  const y = height - (level + 1) * row
  const share = `${((frame.samples / total) * 100).toFixed(1)} %`
  const fits = Math.floor(wide / 6.6)
  const label = fits < 4 ? '' : frame.name.slice(0, fits)
  let along = x
  const above = [...frame.callees.values()].map((callee) => {
    const drawn = boxes(callee, total, along, level + 1, height)
    along += (callee.samples / total) * width
    return drawn
  })
  return (
    `<g><title>${escapeXml(`${frame.name}: ${share}`)}</title><rect x="${x.toFixed(1)}" y="${String(y)}" ` +
    `width="${(wide - 0.4).toFixed(1)}" height="${String(row - 1)}" rx="1" fill="${colours[frame.kind]}"/>` +
    `<text x="${(x + 3).toFixed(1)}" y="${String(y + 12)}">${escapeXml(label)}</text></g>${above.join('')}`
  )
}

export const flameGraph = (root: Frame): string => {
  const height = depthOf(root) * row + 30
  const legend = (Object.keys(colours) as Kind[])
    .filter((kind) => kind !== 'all')
    .map(
      (kind, index) =>
        `<rect x="${String(4 + index * 110)}" y="4" width="12" height="12" fill="${colours[kind]}"/>` +
        `<text x="${String(20 + index * 110)}" y="14">${kind}</text>`,
    )
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${String(width)} ${String(height)}" ` +
    `font-family="monospace" font-size="11"><rect width="100%" height="100%" fill="#fff"/>` +
    `${legend.join('')}${boxes(root, root.samples, 0, 0, height)}</svg>\n`
  )
}
