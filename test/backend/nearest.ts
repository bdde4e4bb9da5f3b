/**
 * The advice for a misspelt name.
 */
import t from 'tap'
import { nearest, suggest } from '../../src/backend/nearest.js'

const names = ['file', 'memory', 'null', 'module']

t.test('a slip of one or two keys finds its name', (t) => {
  for (const [wrong, right] of [
    ['flie', 'file'],
    ['File', 'file'],
    ['memroy', 'memory'],
    ['memry', 'memory'],
    ['nul', 'null'],
    ['nulll', 'null'],
    ['moduel', 'module'],
  ] as const) {
    t.equal(nearest(wrong, names), right, wrong)
  }
  t.end()
})

t.test('something else entirely suggests nothing, and lists what there is', (t) => {
  t.equal(nearest('https', names), undefined)
  t.equal(nearest('', names), undefined)
  t.equal(suggest('https', 'kinds', names), 'known kinds: file, memory, null, module')
  t.equal(suggest('fiel', 'kinds', names), "did you mean 'file'? known kinds: file, memory, null, module")
  t.end()
})
