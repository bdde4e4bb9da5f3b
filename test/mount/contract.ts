/**
 * What the one file in the mount promises, whichever way its requests travel. Programs that meet it were written for
 * plain files and block devices, so every answer here is one that some of them rely on.
 */
import { readFileSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import t from 'tap'
import { attempt, inChild, run } from '../support/process.js'
import { serve, sparseImage } from '../support/ringvol.js'
import { freshPath } from '../support/scratch.js'
import { onEachTransport, suite } from '../support/suite.js'

const MiB = 1 << 20
const size = 8 * MiB

await suite(t, { needs: ['command:xfs_io'] }, () => {
  onEachTransport(t, 'the file', async (t, transport) => {
    const image = sparseImage(size)
    await run('xfs_io', ['-c', `pwrite -q -S 0x11 ${String(MiB)} ${String(MiB)}`, image])
    const served = await serve(image, ['--transport', transport])
    const { volume } = served

    t.test('has the size of the image and the blocks that the image takes', async (t) => {
      const stat = await inChild(async (path) => {
        const { statSync } = await import('node:fs')
        const { size, blocks, mode, nlink } = statSync(path)
        return { size, blocks, mode, nlink }
      }, volume)
      t.strictSame(stat, { size, blocks: statSync(image).blocks, mode: 0o100600, nlink: 1 })
    })

    t.test('reads short at its end and nothing behind it', async (t) => {
      const lengths = await inChild(
        async ({ volume, size }) => {
          const { openSync, readSync } = await import('node:fs')
          const fd = openSync(volume, 'r')
          const buffer = Buffer.alloc(4096)
          return [size - 4096, size - 100, size, size + 4096].map((offset) => readSync(fd, buffer, 0, 4096, offset))
        },
        { volume, size },
      )
      t.strictSame(lengths, [4096, 100, 0, 0])
    })

    t.test('stores what fits of a write across its end, refuses one behind it, and keeps its size', async (t) => {
      const results = await inChild(
        async ({ volume, size }, outcome) => {
          const { openSync, statSync, writeSync } = await import('node:fs')
          const fd = openSync(volume, 'r+')
          const appending = openSync(volume, 'a')
          const write = (fd: number, offset: number | null): number | string => {
            let written = 0
            const result = outcome(() => {
              written = writeSync(fd, Buffer.alloc(4096, 0x22), 0, 4096, offset)
            })
            return result === 'done' ? written : result
          }
          const ends = [size - 4096, size - 512, size, size + 4096].map((offset) => write(fd, offset))
          return { ends, append: write(appending, null), size: statSync(volume).size }
        },
        { volume, size },
      )
      t.strictSame(results, { ends: [4096, 512, 'ENOSPC', 'ENOSPC'], append: 'ENOSPC', size })
      const tail = readFileSync(image).subarray(size - 4096)
      t.ok(tail.equals(Buffer.alloc(4096, 0x22)), 'and what was stored is in the image')
    })

    t.test(
      'keeps its size: opening it with O_TRUNC succeeds and truncates nothing, ftruncate to another size is EPERM',
      async (t) => {
        const results = await inChild(
          async ({ volume, size }, outcome) => {
            const fs = await import('node:fs')
            const fd = fs.openSync(volume, 'r+')
            const changes = [
              () => {
                fs.closeSync(fs.openSync(volume, 'w'))
              },
              () => {
                fs.ftruncateSync(fd, size)
              },
              () => {
                fs.ftruncateSync(fd, 0)
              },
              () => {
                fs.ftruncateSync(fd, size / 2)
              },
              () => {
                fs.ftruncateSync(fd, size * 2)
              },
            ]
            return changes.map((change) => `${outcome(change)}, size ${String(fs.statSync(volume).size)}`)
          },
          { volume, size },
        )
        const stays = `, size ${String(size)}`
        t.strictSame(
          results,
          ['done', 'done', 'EPERM', 'EPERM', 'EPERM'].map((outcome) => `${outcome}${stays}`),
        )
        t.equal(readFileSync(image)[MiB], 0x11, 'and the contents stay')
      },
    )

    t.test('is alone in its directory, and the directory cannot be changed', async (t) => {
      const results = await inChild(
        async ({ volume, directory }, outcome) => {
          const fs = await import('node:fs')
          const other = `${directory}/other`
          const refused = {
            create: outcome(() => fs.openSync(other, 'wx')),
            directory: outcome(() => {
              fs.mkdirSync(other)
            }),
            link: outcome(() => {
              fs.linkSync(volume, other)
            }),
            symlink: outcome(() => {
              fs.symlinkSync('volume', other)
            }),
            rename: outcome(() => {
              fs.renameSync(volume, other)
            }),
            remove: outcome(() => {
              fs.unlinkSync(volume)
            }),
          }
          const unknown = outcome(() => fs.statSync(other))
          return { names: fs.readdirSync(directory), unknown, refused }
        },
        { volume, directory: dirname(volume) },
      )
      t.strictSame(results.names, ['volume'])
      t.equal(results.unknown, 'ENOENT')
      for (const [what, code] of Object.entries(results.refused)) {
        t.match(code, /^(EPERM|EACCES|EROFS|ENOSYS|EOPNOTSUPP|ENOTSUP)$/, `${what} is refused`)
      }
    })

    t.test('answers statfs, with a block size that a loop device can discard by', async (t) => {
      const { bsize } = await inChild(async (path) => {
        const { statfsSync } = await import('node:fs')
        const { bsize } = statfsSync(path)
        return { bsize }
      }, volume)
      t.ok(bsize >= 512 && bsize <= MiB && Number.isInteger(Math.log2(bsize)), `bsize ${String(bsize)}`)
    })

    t.test('takes mode, owner and times, and shows them', async (t) => {
      const stat = await inChild(async (path) => {
        const fs = await import('node:fs')
        fs.chmodSync(path, 0o640)
        fs.chownSync(path, 65534, 65533)
        fs.utimesSync(path, 1_000_000, 2_000_000)
        const { mode, uid, gid, mtimeMs, size } = fs.statSync(path)
        fs.chmodSync(path, 0o600)
        fs.chownSync(path, 0, 0)
        return { mode, uid, gid, mtimeMs, size }
      }, volume)
      t.strictSame(stat, { mode: 0o100640, uid: 65534, gid: 65533, mtimeMs: 2_000_000_000, size })
    })

    t.test('has no extended attributes and says so', async (t) => {
      const { stderr } = await attempt('strace', ['-f', '-e', 'trace=getxattr,lgetxattr', 'ls', '-l', volume])
      t.match(stderr, /getxattr\(.*EOPNOTSUPP/)
      t.notMatch(stderr, /getxattr\(.*(ENOSYS|EIO)/)
    })

    t.test('is closed to other users', async (t) => {
      const { code, stderr } = await attempt('setpriv', ['--reuid', '65534', '--clear-groups', 'stat', volume])
      t.equal(code, 1)
      t.match(stderr, /Permission denied/)
    })

    t.test('shows a write through one descriptor to a reader of another at once', async (t) => {
      const seen = await inChild(async (path) => {
        const { openSync, readSync, writeSync } = await import('node:fs')
        const [writer, reader] = [openSync(path, 'r+'), openSync(path, 'r')]
        const buffer = Buffer.alloc(512)
        return [1, 2, 3].map((round) => {
          writeSync(writer, Buffer.alloc(512, round), 0, 512, 4096)
          readSync(reader, buffer, 0, 512, 4096)
          return buffer.every((byte) => byte === round)
        })
      }, volume)
      t.strictSame(seen, [true, true, true])
    })

    t.test('can be mapped shared; what is stored through the map reaches the image', async (t) => {
      await run('xfs_io', ['-c', 'mmap -rw 0 64k', '-c', 'mwrite -S 0x5a 8k 4k', '-c', 'msync -s 0 64k', volume])
      t.ok(readFileSync(image).subarray(8192, 12288).equals(Buffer.alloc(4096, 0x5a)))
    })

    t.test('shows the same through a map, a read and a write, in whatever order', async (t) => {
      const seen = await run(
        'xfs_io',
        [
          ...[
            'mmap -rw 0 64k',
            'mwrite -S 0x61 16k 4k',
            'pread -q -v 16k 1',
            'pwrite -q -S 0x62 16385 1',
            'mread -v 16k 4',
          ],
          'pread -q -v 16k 4',
        ]
          .flatMap((command) => ['-c', command])
          .concat(volume),
      )
      t.match(seen, /^0*4000: +61 [^]*^0*4000: +61 62 61 61[^]*^0*4000: +61 62 61 61/m, seen)
    })

    t.test('has no bytes behind its end in a map either, and survives who looks there', async (t) => {
      const mapped = ['-c', `mmap -r 0 ${String(size + MiB)}`, '-c', `mread ${String(size)} 1`, volume]
      t.equal((await attempt('xfs_io', mapped)).code, 128 + 7, 'SIGBUS')
      t.match(await run('xfs_io', ['-c', 'stat', volume]), new RegExp(`stat.size = ${String(size)}\\b`))
    })

    t.test('is written from its start by a shell’s > and by dd, and keeps its size and its rest', async (t) => {
      await run('sh', ['-c', 'printf shell > "$0"', volume])
      await run('dd', ['if=/dev/zero', `of=${volume}`, 'bs=2', 'count=1', 'status=none'])
      const bytes = readFileSync(image)
      t.equal(bytes.length, size)
      t.equal(bytes.subarray(0, 5).toString('latin1'), '\0\0ell')
      t.equal(bytes[MiB], 0x11)
    })

    t.test('is copied whole by cp', async (t) => {
      const copy = freshPath('copy')
      await run('cp', [volume, copy])
      t.ok(readFileSync(copy).equals(readFileSync(image)))
    })

    t.test('is served until it is told to stop, and then ends with status 0', async (t) => {
      t.match(await served.stop(), { code: 0 })
      t.strictSame(await inChild((path) => import('node:fs').then((fs) => fs.readdirSync(path)), dirname(volume)), [])
    })
  })
})
