/**
 * The operations on the volume's bytes: READ, WRITE, FSYNC, FLUSH, FALLOCATE, LSEEK.
 *
 * Where the backend offers a file, a READ or WRITE is one row of four numbers for the ring and no byte enters
 * JavaScript. Else the backend gets the slot's payload as a Buffer. Ranges are cut to the volume here, so nothing below
 * ever sees a byte outside it: a read ends at the end, a write that begins there is ENOSPC, as on a block device.
 */
import { limit } from '../backend/backend.js'
import { seekExtent } from '../backend/extents.js'
import { action } from '../native/addon.js'
import { fallocateIn, inHeader, lseekIn, lseekOut, readIn, writeIn, writeOut } from '../protocol/abi.js'
import type { Context, Handler } from './context.js'
import { EINVAL, EIO, ENOSPC, ENXIO, EOPNOTSUPP, EROFS } from './errno.js'

export const read: Handler = (context) => {
  const { request, answers, backend } = context
  const offset = request.u64(readIn.offset)
  const length = Math.min(request.u32(readIn.size), Math.max(0, backend.size - offset))
  if (length > context.maxPayload) {
    answers.error(request.slot, EINVAL)
  } else if (length === 0) {
    answers.reply(request.slot, 0)
  } else if (context.usesFile) {
    if (context.isRefused(limit.read, offset, length)) answers.error(request.slot, EIO)
    else answers.push(request.slot, action.readFile, length, offset)
  } else {
    const result = backend.read(request.payload(length), offset)
    if (result === undefined) answers.reply(request.slot, length)
    else readLater(context, result, length)
  }
}

// Apart, because a closure in `read` would be allocated for every request, also where it is not needed.
const readLater = (context: Context, result: Promise<void>, length: number): void => {
  context.whenDone('READ', result, (slot) => {
    context.answers.reply(slot, length)
  })
}

export const write: Handler = (context) => {
  const { request, answers, backend } = context
  const offset = request.u64(writeIn.offset)
  const size = request.u32(writeIn.size)
  const length = Math.min(size, Math.max(0, backend.size - offset))
  const came = request.header(inHeader.len) - inHeader.bytes - writeIn.bytes
  if (size > came || size > context.maxPayload) {
    answers.error(request.slot, EIO) // the rest would be what an earlier request left there
  } else if (context.readOnly) {
    answers.error(request.slot, EROFS)
  } else if (length === 0 && size > 0) {
    answers.error(request.slot, ENOSPC)
  } else if (length === 0) {
    replyWritten(context, request.slot, 0)
  } else {
    context.attributes.markWritten()
    if (context.usesFile) {
      if (context.isRefused(limit.write, offset, length)) answers.error(request.slot, EIO)
      else answers.push(request.slot, action.writeFile, length, offset)
      return
    }
    const result = backend.write(request.payload(length), offset)
    if (result === undefined) replyWritten(context, request.slot, length)
    else writeLater(context, result, length)
  }
}

const writeLater = (context: Context, result: Promise<void>, length: number): void => {
  context.whenDone('WRITE', result, (slot) => {
    replyWritten(context, slot, length)
  })
}

const replyWritten = ({ request, answers }: Context, slot: number, length: number): void => {
  request.moveTo(slot).put32(writeOut.size, length)
  request.put32(writeOut.size + 4, 0)
  answers.reply(slot, writeOut.bytes)
}

/** FSYNC and SYNCFS: earlier writes are durable when this is answered. Never ENOSYS, see docs/durability.md. */
export const barrier: Handler = (context) => {
  const { request, answers, backend } = context
  if (context.isRefused(limit.flush, 0, backend.size)) answers.error(request.slot, EIO)
  else flush(context)
}

/** The same for FLUSH, which close(2) sends: also for who only read, and has to hear of no limit. */
export const flush: Handler = (context) => {
  const { request, answers, backend } = context
  if (context.readOnly || !backend.can.flush) {
    answers.reply(request.slot, 0)
  } else if (context.usesFile) {
    answers.push(request.slot, action.syncFile, 0, 0)
  } else {
    context.whenDone('FSYNC', backend.flush?.(), (slot) => {
      answers.reply(slot, 0)
    })
  }
}

/** fallocate(2) mode bits of <linux/falloc.h>. */
const keepSize = 1
const punchHole = 2
const zeroRange = 16

export const fallocate: Handler = (context) => {
  const { request, answers, backend } = context
  const mode = request.u32(fallocateIn.mode)
  const offset = request.u64(fallocateIn.offset)
  const wanted = request.u64(fallocateIn.length)
  const length = Math.min(wanted, Math.max(0, backend.size - offset))
  const punches = mode === (punchHole | keepSize)
  const zeroes = (mode & ~keepSize) === zeroRange
  const allocates = (mode & ~keepSize) === 0
  if (context.readOnly) {
    answers.error(request.slot, EROFS)
  } else if (!(punches && backend.can.trim) && !(zeroes && backend.can.zero) && !allocates) {
    answers.error(request.slot, EOPNOTSUPP)
  } else if (length < wanted && !punches && !(zeroes && (mode & keepSize) !== 0)) {
    answers.error(request.slot, ENOSPC) // would grow a volume of fixed size
  } else if (length === 0) {
    answers.reply(request.slot, 0)
  } else {
    if (!allocates) context.attributes.markWritten()
    const result = punches
      ? backend.trim?.(offset, length)
      : zeroes
        ? backend.zero?.(offset, length)
        : backend.allocate?.(offset, length)
    context.whenDone('FALLOCATE', result, (slot) => {
      answers.reply(slot, 0)
    })
  }
}

const seekData = 3
const seekHole = 4

/** SEEK_DATA and SEEK_HOLE; the kernel does the other kinds itself. */
export const lseek: Handler = (context) => {
  const { request, answers, backend } = context
  const whence = request.u32(lseekIn.whence)
  const offset = request.u64(lseekIn.offset)
  if (whence !== seekData && whence !== seekHole) {
    answers.error(request.slot, EINVAL)
  } else if (offset >= backend.size) {
    answers.error(request.slot, ENXIO)
  } else {
    const wanted = whence === seekData ? 'data' : 'hole'
    context.whenDone('LSEEK', seekExtent(backend, offset, wanted), (slot, found) => {
      if (found === undefined) {
        answers.error(slot, ENXIO)
        return
      }
      request.moveTo(slot).put64(lseekOut.offset, found)
      answers.reply(slot, lseekOut.bytes)
    })
  }
}
