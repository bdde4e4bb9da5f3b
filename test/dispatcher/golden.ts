/**
 * Every opcode of the table: request bytes as the kernel sends them, and the exact answer.
 *
 * Bytes are written by hand from the layouts of fuse(4) and <linux/fuse.h>, not through the offsets the code uses, so
 * an offset that is wrong on both sides of the boundary is seen here. Each case runs on both slot layouts: the answer
 * must not depend on the transport.
 */
import t from 'tap'
import { rows } from '../../src/dispatcher/table.js'
import { opcode } from '../../src/protocol/abi.js'
import { fakeBackend, fakeFile, hex, message, type Opcode, Server, show } from './fake-lane.js'

interface Case {
  readonly opcode: Opcode
  readonly says: string
  /** Default 2, the volume. */
  readonly nodeid?: number
  /** What follows the header. */
  readonly request?: string
  /** As `show` writes it; a reply body may hold comments. */
  readonly answer: string
  /** When the backend offers a file; default: the same. */
  readonly fileAnswer?: string
  /** On a read-only volume; default: the same. Times and modes are not compared there. */
  readonly readOnlyAnswer?: string
}

const name = (text: string): string => Buffer.from(`${text}\0`).toString('hex')

/** struct fuse_attr of `volume`: 1 MiB, 12 KiB of it allocated. */
const volumeAttr = `
  0200000000000000 # ino
  0000100000000000 # size
  1800000000000000 # blocks of 512
  00105e5f00000000 00105e5f00000000 00105e5f00000000 # atime, mtime, ctime
  c0d45407 c0d45407 c0d45407 # and their nanoseconds
  80810000 # mode: regular file, 0600
  01000000 # nlink
  e8030000 e9030000 # uid, gid
  00000000 # rdev
  00100000 # blksize
  00000000 # flags`

const rootAttr = `
  0100000000000000 # ino
  0000000000000000 # size
  0000000000000000 # blocks
  00105e5f00000000 00105e5f00000000 00105e5f00000000 # atime, mtime, ctime
  c0d45407 c0d45407 c0d45407
  c0410000 # mode: directory, 0700: who may read the volume may pass through
  02000000 # nlink
  e8030000 e9030000 # uid, gid
  00000000 00100000 00000000 # rdev, blksize, flags`

const openReply = (flags: string): string => `reply 0000000000000000 ${flags} 00000000`

/** struct fuse_dirent with the name, padded to a multiple of 8. */
const dot = '0100000000000000 0100000000000000 01000000 04000000 2e00000000000000'
const dotDot = '0100000000000000 0200000000000000 02000000 04000000 2e2e000000000000'
const entry = '0200000000000000 0300000000000000 06000000 08000000 766f6c756d650000'

const statxTime = '00105e5f00000000 c0d45407 00000000'

/** struct fuse_read_in from the given offset and size on. */
const range = (offset: string, size: string): string =>
  `0000000000000000 ${offset} ${size} 00000000 0000000000000000 00000000 00000000`

const cases: readonly Case[] = [
  {
    opcode: 'LOOKUP',
    says: 'finds the volume in the root',
    nodeid: 1,
    request: name('volume'),
    answer: `reply
      0200000000000000 # nodeid
      0100000000000000 # generation
      100e000000000000 # entry_valid: 3600 s
      0000000000000000 # attr_valid: not cached
      00000000 00000000
      ${volumeAttr}`,
  },
  { opcode: 'LOOKUP', says: 'finds no other name', nodeid: 1, request: name('volume2'), answer: 'ENOENT' },
  { opcode: 'LOOKUP', says: 'finds no empty name', nodeid: 1, request: name(''), answer: 'ENOENT' },
  { opcode: 'LOOKUP', says: 'finds nothing below a file', request: name('volume'), answer: 'ENOTDIR' },
  { opcode: 'FORGET', says: 'has no answer', request: '0100000000000000 # nlookup', answer: 'release' },
  {
    opcode: 'GETATTR',
    says: 'shows the volume and does not let it be cached',
    request: '00000000 00000000 0000000000000000 # getattr_flags, fh',
    answer: `reply 0000000000000000 00000000 00000000 ${volumeAttr}`,
  },
  {
    opcode: 'GETATTR',
    says: 'shows the root, cached',
    nodeid: 1,
    request: '00000000 00000000 0000000000000000',
    answer: `reply 100e000000000000 00000000 00000000 ${rootAttr}`,
  },
  {
    opcode: 'SETATTR',
    says: 'refuses another size',
    request: `
      08000000 00000000 # valid: size
      0000000000000000
      0010000000000000 # size: 4096
      ${'0000000000000000'.repeat(8)}`,
    answer: 'EPERM',
  },
  {
    opcode: 'SETATTR',
    says: 'refuses to touch the root',
    nodeid: 1,
    request: `01000000 00000000 ${'0000000000000000'.repeat(10)}`,
    answer: 'EPERM',
  },
  { opcode: 'READLINK', says: 'is not known: there are no links', answer: 'ENOSYS' },
  { opcode: 'SYMLINK', says: 'is refused', nodeid: 1, request: name('a') + name('b'), answer: 'EPERM' },
  { opcode: 'MKNOD', says: 'is refused', nodeid: 1, request: '00000000'.repeat(4) + name('a'), answer: 'EPERM' },
  { opcode: 'MKDIR', says: 'is refused', nodeid: 1, request: '00000000'.repeat(2) + name('a'), answer: 'EPERM' },
  { opcode: 'UNLINK', says: 'is refused', nodeid: 1, request: name('volume'), answer: 'EPERM' },
  { opcode: 'RMDIR', says: 'is refused', nodeid: 1, request: name('volume'), answer: 'EPERM' },
  { opcode: 'RENAME', says: 'is refused', nodeid: 1, request: '0100000000000000' + name('volume') + name('b'), answer: 'EPERM' }, // prettier-ignore
  { opcode: 'LINK', says: 'is refused', nodeid: 1, request: '0200000000000000' + name('b'), answer: 'EPERM' },
  {
    opcode: 'OPEN',
    says: 'for writing: direct, and writes in parallel',
    request: '02800000 00000000 # O_RDWR | O_LARGEFILE',
    answer: openReply('41000000'),
    readOnlyAnswer: 'EROFS',
  },
  {
    opcode: 'OPEN',
    says: 'for reading: the same flags, or the inode would turn cached for everybody',
    request: '00800000 00000000',
    answer: openReply('41000000'),
  },
  {
    opcode: 'READ',
    says: 'fills the payload, or lets the ring do it',
    request: range('0010000000000000', '08000000'),
    answer: `reply ${'5a'.repeat(8)}`,
    fileAnswer: 'readFile [4096 +8)',
  },
  {
    opcode: 'WRITE',
    says: 'takes the payload, or lets the ring do it',
    request: `${range('0020000000000000', '04000000')} deadbeef`,
    answer: 'reply 04000000 00000000',
    fileAnswer: 'writeFile [8192 +4)',
    readOnlyAnswer: 'EROFS',
  },
  {
    opcode: 'STATFS',
    says: 'has the discard granularity as its block size',
    nodeid: 1,
    answer: `reply
      0001000000000000 # blocks of 4096
      0000000000000000 0000000000000000 # bfree, bavail
      0200000000000000 # files
      0000000000000000 # ffree
      00100000 # bsize
      ff000000 # namelen
      00100000 # frsize
      00000000 ${'00000000'.repeat(6)}`,
  },
  { opcode: 'RELEASE', says: 'succeeds', request: '0000000000000000'.repeat(3), answer: 'reply' },
  {
    opcode: 'FSYNC',
    says: 'is a barrier',
    request: '0000000000000000 01000000 00000000 # fh, FUSE_FSYNC_FDATASYNC',
    answer: 'reply',
    fileAnswer: 'syncFile [0 +0)',
    readOnlyAnswer: 'reply',
  },
  {
    opcode: 'SETXATTR',
    says: 'is unknown, asked once',
    request: '0000000000000000' + name('user.a'),
    answer: 'ENOSYS',
  },
  {
    opcode: 'GETXATTR',
    says: 'is unknown, asked once',
    request: '0000000000000000' + name('user.a'),
    answer: 'ENOSYS',
  },
  { opcode: 'LISTXATTR', says: 'is unknown, asked once', request: '0000000000000000', answer: 'ENOSYS' },
  { opcode: 'REMOVEXATTR', says: 'is unknown, asked once', request: name('user.a'), answer: 'ENOSYS' },
  {
    opcode: 'FLUSH',
    says: 'is a barrier too: close(2) reports what went wrong',
    request: '0000000000000000'.repeat(3),
    answer: 'reply',
    fileAnswer: 'syncFile [0 +0)',
    readOnlyAnswer: 'reply',
  },
  {
    opcode: 'INIT',
    says: 'comes once, before any lane',
    request: '07000000 2d000000 00000000 00000000',
    answer: 'ENOSYS',
  },
  { opcode: 'OPENDIR', says: 'opens the root', nodeid: 1, request: '00000000 00000000', answer: openReply('00000000') },
  { opcode: 'OPENDIR', says: 'does not open the volume', request: '00000000 00000000', answer: 'ENOTDIR' },
  {
    opcode: 'READDIR',
    says: 'lists the three names',
    nodeid: 1,
    request: range('0000000000000000', '00100000'),
    answer: `reply ${dot} ${dotDot} ${entry}`,
  },
  {
    opcode: 'READDIR',
    says: 'goes on after the second',
    nodeid: 1,
    request: range('0200000000000000', '00100000'),
    answer: `reply ${entry}`,
  },
  {
    opcode: 'READDIR',
    says: 'gives as many as fit, and no part of one',
    nodeid: 1,
    request: range('0000000000000000', '5f000000'),
    answer: `reply ${dot} ${dotDot}`,
  },
  {
    opcode: 'READDIR',
    says: 'ends with an empty reply',
    nodeid: 1,
    request: range('0300000000000000', '00100000'),
    answer: 'reply',
  },
  { opcode: 'RELEASEDIR', says: 'succeeds', nodeid: 1, request: '0000000000000000'.repeat(3), answer: 'reply' },
  {
    opcode: 'FSYNCDIR',
    says: 'succeeds: names are not stored',
    nodeid: 1,
    request: '0000000000000000'.repeat(2),
    answer: 'reply',
  },
  { opcode: 'GETLK', says: 'is the kernel’s own business', request: '0000000000000000'.repeat(6), answer: 'ENOSYS' },
  { opcode: 'SETLK', says: 'is the kernel’s own business', request: '0000000000000000'.repeat(6), answer: 'ENOSYS' },
  { opcode: 'SETLKW', says: 'is the kernel’s own business', request: '0000000000000000'.repeat(6), answer: 'ENOSYS' },
  { opcode: 'ACCESS', says: 'for writing', request: '02000000 00000000', answer: 'reply', readOnlyAnswer: 'EROFS' },
  { opcode: 'ACCESS', says: 'for reading', request: '04000000 00000000', answer: 'reply' },
  { opcode: 'CREATE', says: 'is refused', nodeid: 1, request: '00000000'.repeat(4) + name('a'), answer: 'EPERM' },
  { opcode: 'INTERRUPT', says: 'has no answer', request: '7700000000000000 # unique', answer: 'release' },
  { opcode: 'BMAP', says: 'is unknown', request: '0000000000000000'.repeat(2), answer: 'ENOSYS' },
  { opcode: 'DESTROY', says: 'succeeds', nodeid: 1, answer: 'reply' },
  { opcode: 'IOCTL', says: 'is not for this file', request: '0000000000000000'.repeat(4), answer: 'ENOTTY' },
  { opcode: 'POLL', says: 'is unknown: always ready', request: '0000000000000000'.repeat(3), answer: 'ENOSYS' },
  { opcode: 'NOTIFY_REPLY', says: 'has no answer', request: '0000000000000000'.repeat(5), answer: 'release' },
  { opcode: 'BATCH_FORGET', says: 'has no answer', request: '00000000 00000000', answer: 'release' },
  {
    opcode: 'FALLOCATE',
    says: 'punches a hole',
    request: '0000000000000000 0010000000000000 0010000000000000 03000000 00000000 # fh, offset, length, mode',
    answer: 'reply',
    readOnlyAnswer: 'EROFS',
  },
  { opcode: 'READDIRPLUS', says: 'was not asked for in INIT', nodeid: 1, request: range('0000000000000000', '00100000'), answer: 'ENOSYS' }, // prettier-ignore
  { opcode: 'RENAME2', says: 'is refused', nodeid: 1, request: '0100000000000000'.repeat(2) + name('volume') + name('b'), answer: 'EPERM' }, // prettier-ignore
  {
    opcode: 'LSEEK',
    says: 'finds the data',
    request: '0000000000000000 0000000000000000 03000000 00000000 # fh, offset, SEEK_DATA',
    answer: 'reply 0000000000000000 # the first chunk of memory was written',
  },
  {
    opcode: 'COPY_FILE_RANGE',
    says: 'is unknown: the kernel copies',
    request: '0000000000000000'.repeat(7),
    answer: 'ENOSYS',
  },
  { opcode: 'SETUPMAPPING', says: 'is unknown', request: '0000000000000000'.repeat(5), answer: 'ENOSYS' },
  { opcode: 'REMOVEMAPPING', says: 'is unknown', request: '00000000', answer: 'ENOSYS' },
  {
    opcode: 'SYNCFS',
    says: 'is a barrier',
    nodeid: 1,
    request: '0000000000000000',
    answer: 'reply',
    fileAnswer: 'syncFile [0 +0)',
    readOnlyAnswer: 'reply',
  },
  { opcode: 'TMPFILE', says: 'is refused', nodeid: 1, request: '00000000'.repeat(4) + name(''), answer: 'EPERM' },
  {
    opcode: 'STATX',
    says: 'shows the volume',
    request: '00000000 00000000 0000000000000000 00000000 ff070000 # getattr_flags, fh, sx_flags, sx_mask',
    answer: `reply
      0000000000000000 00000000 00000000 0000000000000000 0000000000000000 # attr_valid …: not cached
      ff070000 00100000 0000000000000000 # mask, blksize, attributes
      01000000 e8030000 e9030000 8081 0000 # nlink, uid, gid, mode
      0200000000000000 0000100000000000 1800000000000000 # ino, size, blocks
      0000000000000000 # attributes_mask
      ${statxTime} 00000000000000000000000000000000 ${statxTime} ${statxTime} # atime, no btime, ctime, mtime
      ${'00'.repeat(128)}`,
  },
  { opcode: 'COPY_FILE_RANGE_64', says: 'is unknown: the kernel copies', request: '0000000000000000'.repeat(7), answer: 'ENOSYS' }, // prettier-ignore
]

/** `reply` bodies without their comments and blanks, so that they compare with what `show` writes. */
const plain = (answer: string): string =>
  answer.startsWith('reply') ? `reply ${hex(answer.slice('reply'.length)).toString('hex')}`.trimEnd() : answer

const ask = (each: Case, server: Server): string =>
  server
    .batch([message(each.opcode, each.request, { nodeid: each.nodeid ?? 2 })])
    .map(show)
    .join(', ')

/** Answers that may come in a later turn are waited for. */
const settled = async (each: Case, server: Server): Promise<string> => {
  const now = ask(each, server)
  if (now !== '') return now
  await new Promise((resolve) => setImmediate(resolve))
  return server.lane.submits.flat().map(show).join(', ')
}

const backend = (file: boolean): ReturnType<typeof fakeBackend> => {
  const made = fakeBackend(file ? { file: fakeFile } : {})
  void made.write(Buffer.alloc(8, 0x5a), 4096)
  return made
}

t.test('every opcode of the table has a case', (t) => {
  t.strictSame(new Set(cases.map((each) => opcode[each.opcode])), new Set(rows.keys()))
  t.end()
})

for (const contiguous of [true, false]) {
  const where = contiguous ? 'in one message' : 'with header, arguments and payload apart'
  for (const each of cases) {
    t.test(`${each.opcode} ${each.says}, ${where}`, async (t) => {
      t.equal(await settled(each, new Server(backend(false), { contiguous })), plain(each.answer))
      const withFile = new Server(backend(true), { contiguous })
      t.equal(await settled(each, withFile), plain(each.fileAnswer ?? each.answer), 'with a file')
    })
  }
}

for (const each of cases.filter(({ readOnlyAnswer }) => readOnlyAnswer !== undefined)) {
  t.test(`${each.opcode} ${each.says}: on a read-only volume`, (t) => {
    for (const file of [false, true]) {
      t.equal(ask(each, new Server(backend(file), { readOnly: true })), each.readOnlyAnswer)
    }
    t.end()
  })
}

t.test('an opcode nobody has heard of is ENOSYS', (t) => {
  const server = new Server(backend(false))
  for (const unknown of [0, 7, 19, 54, 63, 64, 4096, 0xffffffff]) t.equal(server.ask(message(unknown)), 'ENOSYS')
  t.end()
})

t.test('a message shorter than its argument struct is EIO, and the handler is not called', (t) => {
  const failing = fakeBackend({
    read: () => void t.fail('read was called'),
    write: () => void t.fail('write was called'),
  })
  const server = new Server(failing)
  for (const [number, { name, argumentBytes }] of rows) {
    if (argumentBytes === 0) continue
    t.equal(server.ask(message(number, Buffer.alloc(argumentBytes - 1))), 'EIO', name)
  }
  t.end()
})

t.test('what has no answer gets none however short it is: the kernel refuses one', (t) => {
  const server = new Server(backend(false))
  for (const short of ['FORGET', 'BATCH_FORGET', 'INTERRUPT', 'NOTIFY_REPLY'] as const) {
    t.equal(server.ask(message(short, Buffer.alloc(4))), 'release', short)
  }
  t.end()
})
