/** What a source says without being opened. */
import { resolve } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { absoluteSource, checkName, imagePath, nameFromSource } from '../../src/host/source-path.js'

t.test('a path and file: mean a file, other schemes do not', (t) => {
  t.equal(imagePath('disk.img'), resolve('disk.img'))
  t.equal(imagePath('file:/srv/a:b'), '/srv/a:b')
  t.equal(imagePath('./a:b'), resolve('a:b'))
  t.equal(imagePath('memory:1G'), undefined)
  t.equal(absoluteSource('memory:1G'), 'memory:1G')
  t.equal(absoluteSource('file:x'), resolve('x'))
  t.end()
})

t.test('a volume is named after its source', (t) => {
  const names = [
    '/srv/My disk.img',
    'file:/a/b.raw',
    'memory:1G',
    'null:5M',
    'module:./s3.ts',
    '/dev/vg/snap',
    '.img',
    '/',
  ]
  const expected = ['My-disk', 'b', 'memory', 'null', 's3', 'snap', 'img', 'volume']
  t.strictSame(names.map(nameFromSource), expected)
  t.end()
})

t.test('a name made of any source is a name that is accepted', (t) => {
  fc.assert(fc.property(fc.string(), (source) => checkName(nameFromSource(source)) !== ''))
  t.pass('for arbitrary strings')
  t.end()
})
