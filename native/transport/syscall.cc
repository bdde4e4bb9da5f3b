// Reads until the device is empty, answers with one write each; see syscall.h.
#include "transport/syscall.h"

#include "transport/device.h"
#include "transport/message.h"

namespace ringvol {

SyscallTransport::SyscallTransport(int device, Slab* slab) : device_(device), slab_(slab) {
  for (Slot slot = slab->slots(); slot-- > 0;) free_.push_back(slot);
}

SlotLayout SyscallTransport::layout() const { return message_layout(*slab_); }

Status SyscallTransport::start() { return set_nonblocking(device_, true); }

void SyscallTransport::complete(Operation, Slot, int, uint32_t, Arrivals*) { CHECK(false); }

void SyscallTransport::poll(Arrivals* arrivals) {
  while (!free_.empty() && closed() == 0) {
    const Slot slot = free_.back();
    size_t length = 0;
    Status status = read_message(device_, message_buffer(*slab_, slot), message_capacity(*slab_), &length);
    if (!status.fine()) return close(status.error);
    if (length == 0) return;
    if (length < sizeof(abi::InHeader)) return close(EPROTO);
    free_.pop_back();
    const abi::InHeader& header = request_header(*slab_, slot);
    if (header.len == length) {
      arrivals->push(slot);
    } else if (has_no_answer(header.opcode)) {
      release(slot);
    } else {
      error(slot, EIO);
    }
  }
  if (free_.empty()) count_no_buffers();
}

void SyscallTransport::reply(Slot slot, uint32_t length) { send(slot, length, 0); }

void SyscallTransport::error(Slot slot, int error) { send(slot, 0, error); }

void SyscallTransport::release(Slot slot) { free_.push_back(slot); }

void SyscallTransport::send(Slot slot, uint32_t length, int error) {
  const uint8_t* message = seal_reply(*slab_, slot, length, error);
  Status status = write_message(device_, message, kReplyLead + length);
  if (status.error == ENODEV || status.error == ECONNABORTED) {
    close(status.error);
  } else if (!status.fine() && status.error != ENOENT && error == 0) {
    // The kernel refused the body. The caller must not wait for ever: answer with an error instead. ENOENT is a
    // request that was given up in the meantime.
    return send(slot, 0, EIO);
  }
  free_.push_back(slot);
}

}  // namespace ringvol
