// A transport is a way for FUSE requests to get in and out of slots.
//
// The life of a slot, the same on every transport:
//
//   kernel ──(request arrives)──► dispatcher ──► [ring: slot ↔ file] ──► reply / error / release ──► kernel
//
// A transport puts arrived slots into Arrivals, and takes them back through exactly one of reply(), error() and
// release(). When all slots are with us the kernel waits: that is the back-pressure.
//
// What arrives is as long as its header says. A message that is not is answered EIO by the transport itself (not at all
// if its kind has no answer), so that nobody further in takes what an earlier request left in the slot for its data.
// One that is too short for a header names nobody who could be answered: the connection is closed (EPROTO), since
// whoever sent it must not wait for ever.
#pragma once

#include <cstdint>

#include "base/check.h"
#include "base/status.h"
#include "ring/ring.h"
#include "ring/slab.h"

namespace ringvol {

// Named in TypeScript as `LaneTransport` of src/native/addon.ts; node/lane.cc translates.
enum class TransportKind : uint8_t { kUring, kClassic, kSyscall };

// The slots of one wake-up. A slot arrives once until it is answered, so `capacity` (all slots) is never exceeded.
struct Arrivals {
  uint32_t* slots = nullptr;
  uint32_t capacity = 0;
  uint32_t count = 0;

  void push(Slot slot) {
    CHECK(count < capacity);
    slots[count++] = slot;
  }
};

// Where the parts of a request lie in the slab; goes to TypeScript as it is.
struct SlotLayout {
  size_t header_offset = 0;
  size_t header_stride = 0;
  size_t arguments_offset = 0;
  size_t arguments_stride = 0;
  bool data_follows_arguments = false;
};

// Makes `payload` the reply body of a WRITE that stored `bytes`; its length.
uint32_t put_written(uint8_t* payload, uint32_t bytes);

class Transport {
 public:
  virtual ~Transport() = default;

  virtual SlotLayout layout() const = 0;
  // Queues the first operations. Called once, on the lane's thread.
  virtual Status start() = 0;
  // A completion of the ring that is not a file operation. Not called for transports without a ring.
  virtual void complete(Operation operation, Slot slot, int result, uint32_t flags, Arrivals* arrivals) = 0;
  // Takes what can be had without the ring; called once per round.
  virtual void poll(Arrivals* arrivals) = 0;

  // Answers. The body of a reply stands at the slot's payload.
  virtual void reply(Slot slot, uint32_t length) = 0;
  virtual void error(Slot slot, int error) = 0;
  virtual void release(Slot slot) = 0;

  // The name of the variant that runs, such as `read-multishot`.
  virtual const char* variant() const = 0;
  // 0 while the connection lives; else the errno that said it is gone (ENODEV, ENOTCONN: unmounted or aborted).
  int closed() const { return closed_; }
  double no_buffers() const { return no_buffers_; }

 protected:
  void close(int error) {
    if (closed_ == 0) closed_ = error;
  }
  void count_no_buffers() { no_buffers_ += 1; }

 private:
  int closed_ = 0;
  double no_buffers_ = 0;
};

}  // namespace ringvol
