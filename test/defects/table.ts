/**
 * Mistakes that must never be made here, each made on purpose in a copy of the tree: exact text, and what stands in its
 * place. The test named has to fail then; if it does not, the test is at fault.
 *
 * A row whose text is no longer there fails with that message: somebody changed the code, and has to say again what the
 * mistake would look like.
 */
export interface Defect {
  /** What somebody would suffer. */
  readonly name: string
  readonly file: string
  readonly before: string
  readonly after: string
  /** The test file that has to fail. */
  readonly caughtBy: string
  readonly environment?: Readonly<Record<string, string>>
  /** How long that takes: `quick` ones are part of every run, `slow` and `root` ones of `npm run test:defects`. */
  readonly cost: 'quick' | 'slow' | 'root'
}

const simulator = 'test/simulator/seeds.ts'
/** Any seed finds them; this one is always the same, so that the time it takes is. */
const someSeeds = { SEED: '1', RINGVOL_TEST_SEEDS: '100' }
const data = 'src/dispatcher/data.ts'

const laneCore = 'native/node/lane_core.cc'
const oneTransport = (transport: string) => ({ SEED: '1', RINGVOL_TEST_TRANSPORTS: transport })

export const defects: readonly Defect[] = [
  {
    name: 'FSYNC is answered without flushing',
    file: data,
    before: 'if (context.readOnly || !backend.can.flush) {',
    after: 'if (context.readOnly || backend.can.write) {',
    caughtBy: simulator,
    environment: someSeeds,
    cost: 'quick',
  },
  {
    name: 'one reply in 100,000 is lost',
    file: 'src/dispatcher/answers.ts',
    before: '    const row = this.#counters[laneCounters.actionRows] as number\n',
    after:
      '    const sent = (globalThis as { replies?: number }).replies ?? 0\n' +
      '    Object.assign(globalThis, { replies: sent + 1 })\n' +
      '    if (sent % 100_000 === 99_999) return\n' +
      '    const row = this.#counters[laneCounters.actionRows] as number\n',
    caughtBy: simulator,
    environment: { SEED: '1', RINGVOL_TEST_SEEDS: '12000' },
    cost: 'slow',
  },
  {
    name: 'the payloads of two slots are swapped',
    file: 'src/protocol/slots.ts',
    before: '    return this.#bytes.subarray(this.#payload, this.#payload + length)\n',
    after:
      '    const { slots, payloadStride } = this.#layout\n' +
      '    const other = slots > 1 && this.slot < 2 ? payloadStride * (1 - 2 * this.slot) : 0\n' +
      '    return this.#bytes.subarray(this.#payload + other, this.#payload + other + length)\n',
    caughtBy: simulator,
    environment: someSeeds,
    cost: 'quick',
  },
  {
    name: 'a write is acknowledged before the backend has it',
    file: data,
    before: "  context.whenDone('WRITE', result, (slot) => {\n    replyWritten(context, slot, length)\n  })\n",
    after: '  result.catch(() => undefined)\n  replyWritten(context, context.request.slot, length)\n',
    caughtBy: simulator,
    environment: someSeeds,
    cost: 'quick',
  },
  {
    name: 'an error is turned into success',
    file: 'src/dispatcher/context.ts',
    before: 'if (!this.answers.closed) this.answers.error(slot, errno)',
    after: 'if (!this.answers.closed) this.answers.reply(slot, errno - errno)',
    caughtBy: simulator,
    environment: someSeeds,
    cost: 'quick',
  },
  {
    name: 'a write may end one byte behind the volume',
    file: data,
    before:
      '  const size = request.u32(writeIn.size)\n' +
      '  const length = Math.min(size, Math.max(0, backend.size - offset))\n',
    after:
      '  const size = request.u32(writeIn.size)\n' +
      '  const length = Math.min(size, Math.max(0, backend.size + 1 - offset))\n',
    caughtBy: simulator,
    environment: someSeeds,
    cost: 'quick',
  },
  {
    name: 'a volume is taken down while requests are being answered',
    file: 'src/volume-life.ts',
    before: '!(await Promise.all(lanes.map((lane) => lane.drain(deadlineMs)))).includes(false)',
    after: 'lanes.length > 0 && deadlineMs > 0',
    caughtBy: 'test/volume-life.ts',
    cost: 'quick',
  },
  {
    name: 'native code acknowledges a write that the disk still has to do',
    file: laneCore,
    before:
      'void LaneCore::begin_file(Slot slot, FileAction action, const ActionRow& row) {\n' +
      '  CHECK(file_io_ != nullptr);\n' +
      '  finish_file(slot,\n' +
      '              file_io_->start(slot, action, static_cast<uint64_t>(row.offset), static_cast<uint32_t>(row.length)));\n' +
      '}\n\n' +
      '// Answers a file operation that is over; does nothing for one that the engine still has.\n' +
      'void LaneCore::finish_file(Slot slot, int result) {\n' +
      '  if (result == FileIo::kPending) return;\n',
    after:
      'static thread_local bool early[1 << 16];\n\n' +
      'void LaneCore::begin_file(Slot slot, FileAction action, const ActionRow& row) {\n' +
      '  CHECK(file_io_ != nullptr);\n' +
      '  const auto length = static_cast<uint32_t>(row.length);\n' +
      '  const int result = file_io_->start(slot, action, static_cast<uint64_t>(row.offset), length);\n' +
      '  if (result == FileIo::kPending && action == FileAction::kWrite) {\n' +
      '    early[slot] = true;\n' +
      '    return answer(slot, put_written(slab_.payload(slot), length));\n' +
      '  }\n' +
      '  finish_file(slot, result);\n' +
      '}\n\n' +
      'void LaneCore::finish_file(Slot slot, int result) {\n' +
      '  if (result == FileIo::kPending || std::exchange(early[slot], false)) return;\n',
    caughtBy: 'test/block/verify.ts',
    environment: oneTransport('classic'),
    cost: 'root',
  },
  {
    name: 'native code loses one reply in 50,000',
    file: laneCore,
    before: '  counters_.replies += 1;\n  transport_->reply(slot, length);\n',
    after:
      '  counters_.replies += 1;\n' +
      '  if (static_cast<uint64_t>(counters_.replies) % 50000 == 0) return;\n' +
      '  transport_->reply(slot, length);\n',
    caughtBy: 'test/block/verify.ts',
    environment: oneTransport('uring'),
    cost: 'root',
  },
  {
    name: 'native code answers a flush without doing it',
    file: 'native/ring/file_io.cc',
    before: '  if (!moves_bytes(action)) return to_engine(slot);\n',
    after: '  if (!moves_bytes(action)) return 0;\n',
    caughtBy: 'test/block/barriers.ts',
    environment: oneTransport('syscall'),
    cost: 'root',
  },
]
