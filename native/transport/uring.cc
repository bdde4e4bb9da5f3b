// Registers entries, commits answers and fetches requests; see uring.h.
#include "transport/uring.h"

#include <poll.h>

#include <cstring>

#include "abi/fuse_abi.h"
#include "transport/device.h"
#include "transport/message.h"

namespace ringvol {
namespace {

abi::UringRequestHeader* request(const Slab& slab, Slot slot) {
  static_assert(sizeof(abi::UringRequestHeader) <= Slab::kHeaderStride);
  return reinterpret_cast<abi::UringRequestHeader*>(slab.header(slot));
}

// Whether header, arguments and payload together are as long as the header says. Exact for the two requests whose
// payload is read as data; of others nobody looks at more than the arguments.
bool consistent(const abi::UringRequestHeader& header, size_t max_payload) {
  abi::InHeader in;
  std::memcpy(&in, header.in_out, sizeof(in));
  const size_t payload = header.entry.payload_sz;
  if (payload > max_payload || in.len < sizeof(in) + payload) return false;
  const size_t arguments = in.len - sizeof(in) - payload;
  if (in.opcode == abi::kWrite) return arguments == sizeof(abi::WriteIn);
  return in.opcode == abi::kLookup ? arguments == 0 : arguments <= sizeof(header.op_in);
}

}  // namespace

UringTransport::UringTransport(int device, std::vector<uint16_t> queues, uint32_t depth, Ring* ring, Slab* slab)
    : device_(device),
      queues_(std::move(queues)),
      depth_(depth),
      ring_(ring),
      slab_(slab),
      vectors_(slab->slots()),
      scratch_size_(slab->max_payload() + Slab::kPage) {
  scratch_ = std::make_unique_for_overwrite<uint8_t[]>(scratch_size_);
  CHECK(queues_.size() * depth_ == slab->slots());
}

SlotLayout UringTransport::layout() const {
  return {.header_offset = offsetof(abi::UringRequestHeader, in_out),
          .header_stride = Slab::kHeaderStride,
          .arguments_offset = offsetof(abi::UringRequestHeader, op_in),
          .arguments_stride = Slab::kHeaderStride,
          .data_follows_arguments = false};
}

Status UringTransport::start() {
  if (Status status = set_nonblocking(device_, true); !status.fine()) return status;
  for (Slot slot = 0; slot < slab_->slots(); ++slot) {
    EntryVectors& vectors = vectors_[slot];
    vectors[0] = {request(*slab_, slot), sizeof(abi::UringRequestHeader)};
    vectors[1] = {slab_->payload(slot), slab_->max_payload()};
    io_uring_sqe* sqe = command(slot, abi::kUringRegister);
    sqe->addr = reinterpret_cast<uint64_t>(vectors.data());
    sqe->len = static_cast<uint32_t>(vectors.size());
  }
  watch_device();
  return Status::ok();
}

io_uring_sqe* UringTransport::command(Slot slot, uint32_t operation) {
  io_uring_sqe* sqe = ring_->sqe(UserData::pack(Operation::kRequest, slot));
  sqe->opcode = IORING_OP_URING_CMD;
  ring_->set_registered_file(sqe);
  sqe->cmd_op = operation;
  auto* details = reinterpret_cast<abi::UringCommandRequest*>(sqe->cmd);
  details->qid = queues_[slot / depth_];
  return sqe;
}

void UringTransport::commit(Slot slot, uint32_t length, int error) {
  abi::UringRequestHeader* header = request(*slab_, slot);
  const abi::OutHeader out{.len = static_cast<uint32_t>(sizeof(abi::OutHeader)) + length,
                           .error = -error,
                           .unique = header->entry.commit_id};
  std::memcpy(header->in_out, &out, sizeof(out));
  header->entry.payload_sz = length;
  io_uring_sqe* sqe = command(slot, abi::kUringCommitAndFetch);
  reinterpret_cast<abi::UringCommandRequest*>(sqe->cmd)->commit_id = header->entry.commit_id;
}

void UringTransport::reply(Slot slot, uint32_t length) { commit(slot, length, 0); }

void UringTransport::error(Slot slot, int error) { commit(slot, 0, error); }

// No request of a ring entry goes without an answer; if the kernel ever sends one, ENOSYS gives the entry back.
void UringTransport::release(Slot slot) { commit(slot, 0, ENOSYS); }

void UringTransport::complete(Operation operation, Slot slot, int result, uint32_t flags, Arrivals* arrivals) {
  if (operation == Operation::kDevicePoll) {
    if ((flags & IORING_CQE_F_MORE) == 0) watching_ = false;
    return take_device_messages();
  }
  CHECK(operation == Operation::kRequest && slot < slab_->slots());
  if (result == 0) {
    if (consistent(*request(*slab_, slot), slab_->max_payload())) return arrivals->push(slot);
    return error(slot, EIO);
  }
  // ENOTCONN: unmounted or aborted. Anything else means that the kernel has dropped this entry; a queue that misses
  // entries must not go on as if nothing had happened.
  close(-result);
}

void UringTransport::watch_device() {
  io_uring_sqe* sqe = ring_->sqe(UserData::pack(Operation::kDevicePoll, 0));
  io_uring_prep_poll_multishot(sqe, -1, POLLIN | POLLERR);
  ring_->set_registered_file(sqe);
  watching_ = true;
}

void UringTransport::poll(Arrivals*) {
  if (!watching_ && closed() == 0) watch_device();
}

void UringTransport::take_device_messages() {
  while (closed() == 0) {
    size_t length = 0;
    Status status = read_message(device_, scratch_.get(), scratch_size_, &length);
    if (!status.fine()) return close(status.error);
    if (length == 0) return;
    if (length < sizeof(abi::InHeader)) return close(EPROTO);
    abi::InHeader header;
    std::memcpy(&header, scratch_.get(), sizeof(header));
    if (has_no_answer(header.opcode)) continue;
    // Not expected once the queues are ready. Whoever sent it must not wait for ever.
    const abi::OutHeader refusal{.len = sizeof(abi::OutHeader), .error = -EIO, .unique = header.unique};
    if (Status sent = write_message(device_, &refusal, sizeof(refusal)); sent.error == ENODEV) close(ENODEV);
  }
}

}  // namespace ringvol
