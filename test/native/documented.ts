/**
 * What the addon publishes by name is explained by name: counters, ring features, the words of RINGVOL_WITHOUT.
 */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { addon, laneCounters } from '../../src/native/addon.js'
import { unbuilt } from './built.js'

const read = (name: string): string => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8')
const debugging = read('debugging.md')
const transports = read('transports.md')

/** Names in the first column of the table under a heading. */
const explained = (text: string, heading: string): string[] => {
  const section = text.slice(text.indexOf(`\n## ${heading}\n`)).split(/\n(?=## )/)[1] ?? ''
  return [...section.matchAll(/^\| (`[^|]*) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
  )
}

t.test('every counter is explained, in its order, and no other', (t) => {
  t.strictSame(explained(debugging, 'Counters'), Object.keys(laneCounters))
  t.end()
})

t.test('every ring feature that this kernel has is explained', { skip: unbuilt }, (t) => {
  const names = explained(transports, 'Ring features')
  t.ok(names.length >= 8)
  for (const feature of addon().probeIoUring().features) t.ok(names.includes(feature), feature)
  t.end()
})

t.test('every ring feature that can be done without is named where it is said how', (t) => {
  const section = debugging.slice(debugging.indexOf('\n## Ring features\n')).split(/\n(?=## )/)[1] ?? ''
  for (const feature of explained(transports, 'Ring features').filter((name) => !/^(sqe128|uring-cmd)$/.test(name))) {
    t.match(section, `\`${feature}\``, feature)
  }
  t.end()
})
