// Arms reads, takes arrivals, sends replies; see classic.h for why it is one parked read.
#include "transport/classic.h"

#include <sys/mman.h>

#include <bit>

#include "transport/device.h"
#include "transport/message.h"

namespace ringvol {
namespace {

constexpr uint16_t kBufferGroup = 0;

}  // namespace

ClassicTransport::ClassicTransport(int device, Ring* ring, Slab* slab, bool use_multishot)
    : device_(device),
      ring_(ring),
      slab_(slab),
      multishot_(use_multishot && ring->supports(kReadMultishot)),
      last_resort_(slab->slots()) {
  for (Slot slot = slab->slots(); slot-- > 0;) free_.push_back(slot);
}

ClassicTransport::~ClassicTransport() {
  if (buffers_ != nullptr) munmap(buffers_, buffers_size_);
}

SlotLayout ClassicTransport::layout() const { return message_layout(*slab_); }

Status ClassicTransport::start() {
  // Without O_NONBLOCK a read that is tried before it is parked blocks the thread inside the enter.
  if (Status status = set_nonblocking(device_, true); !status.fine()) return status;
  if (multishot_ && !provide_buffers().fine()) multishot_ = false;
  arm();
  return Status::ok();
}

Status ClassicTransport::provide_buffers() {
  const unsigned entries = std::bit_ceil(slab_->slots());
  buffers_size_ = entries * sizeof(io_uring_buf);
  void* memory = mmap(nullptr, buffers_size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return Status::last("mmap");
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<uint64_t>(memory);
  registration.ring_entries = entries;
  registration.bgid = kBufferGroup;
  if (const int result = io_uring_register_buf_ring(ring_->raw(), &registration, 0); result != 0) {
    munmap(memory, buffers_size_);
    return Status::failed(-result, "io_uring_register");
  }
  buffers_ = static_cast<io_uring_buf_ring*>(memory);
  buffers_mask_ = static_cast<unsigned>(io_uring_buf_ring_mask(entries));
  io_uring_buf_ring_init(buffers_);
  return Status::ok();
}

void ClassicTransport::poll(Arrivals*) { arm(); }

// Gives the kernel every free slot and makes sure that one read is parked, as far as there are slots.
void ClassicTransport::arm() {
  if (closed() != 0) return;
  if (multishot_) {
    arm_multishot();
  } else if (offered_ == 0 && !free_.empty()) {
    arm_chain();
  }
}

void ClassicTransport::arm_multishot() {
  int added = 0;
  for (; !free_.empty(); free_.pop_back(), ++added) {
    const Slot slot = free_.back();
    io_uring_buf_ring_add(buffers_, message_buffer(*slab_, slot), static_cast<unsigned>(message_capacity(*slab_)),
                          static_cast<uint16_t>(slot), static_cast<int>(buffers_mask_), added);
  }
  if (added > 0) io_uring_buf_ring_advance(buffers_, added);
  offered_ += static_cast<uint32_t>(added);
  if (armed_ || offered_ == 0) return;
  io_uring_sqe* sqe = ring_->sqe(UserData::pack(Operation::kMultishot, 0));
  io_uring_prep_rw(static_cast<int>(kReadMultishot), sqe, -1, nullptr, 0, 0);
  ring_->set_registered_file(sqe);
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = kBufferGroup;
  armed_ = true;
}

void ClassicTransport::arm_chain() {
  offered_ = static_cast<uint32_t>(free_.size());
  io_uring_sqe* last = nullptr;
  for (; !free_.empty(); free_.pop_back()) {
    const Slot slot = free_.back();
    last = ring_->sqe(UserData::pack(Operation::kRequest, slot));
    io_uring_prep_read(last, -1, message_buffer(*slab_, slot), static_cast<unsigned>(message_capacity(*slab_)), 0);
    ring_->set_registered_file(last);
    last->flags |= IOSQE_IO_HARDLINK;  // goes on after an error or a short read, which every request is
  }
  CHECK(last != nullptr);
  last->flags &= static_cast<uint8_t>(~IOSQE_IO_HARDLINK);
}

void ClassicTransport::complete(Operation operation, Slot slot, int result, uint32_t flags, Arrivals* arrivals) {
  switch (operation) {
    case Operation::kMultishot:
      if ((flags & IORING_CQE_F_MORE) == 0) armed_ = false;
      if ((flags & IORING_CQE_F_BUFFER) != 0) return received(flags >> IORING_CQE_BUFFER_SHIFT, result, arrivals);
      return read_failed(-result);
    case Operation::kRequest:
      return received(slot, result, arrivals);
    case Operation::kReply:
      return replied(slot, result);
    default:
      CHECK(false);
  }
}

void ClassicTransport::received(Slot slot, int result, Arrivals* arrivals) {
  CHECK(offered_ > 0 && slot < slab_->slots());
  --offered_;
  if (result >= static_cast<int>(sizeof(abi::InHeader))) return check_message(slot, result, arrivals);
  free_.push_back(slot);
  read_failed(result > 0 ? EPROTO : -result);
}

void ClassicTransport::check_message(Slot slot, int bytes, Arrivals* arrivals) {
  const abi::InHeader& header = request_header(*slab_, slot);
  if (header.len == static_cast<uint32_t>(bytes)) return arrivals->push(slot);
  if (has_no_answer(header.opcode)) return release(slot);
  error(slot, EIO);
}

void ClassicTransport::read_failed(int error) {
  switch (error) {
    case ENOBUFS:
      return count_no_buffers();
    case 0:
    case EINTR:
    case EAGAIN:
    case ENOENT:     // the request was taken back while it was being copied
    case ECANCELED:  // the chain was cut; the next one is armed
      return;
    default:
      return close(error);
  }
}

void ClassicTransport::replied(Slot slot, int result) {
  if (result == -ENODEV || result == -ECONNABORTED) {
    close(-result);
  } else if (result < 0 && result != -ENOENT && !last_resort_[slot]) {
    // The kernel refused the body. The caller must not wait for ever: answer with an error instead. ENOENT is a
    // request that was given up in the meantime.
    last_resort_[slot] = true;
    return send(slot, 0, EIO);
  }
  last_resort_[slot] = false;
  free_.push_back(slot);
}

void ClassicTransport::reply(Slot slot, uint32_t length) { send(slot, length, 0); }

void ClassicTransport::error(Slot slot, int error) { send(slot, 0, error); }

void ClassicTransport::release(Slot slot) { free_.push_back(slot); }

void ClassicTransport::send(Slot slot, uint32_t length, int error) {
  const uint8_t* message = seal_reply(*slab_, slot, length, error);
  io_uring_sqe* sqe = ring_->sqe(UserData::pack(Operation::kReply, slot));
  io_uring_prep_write(sqe, -1, message, static_cast<unsigned>(kReplyLead) + length, 0);
  ring_->set_registered_file(sqe);
}

}  // namespace ringvol
