// The `classic` transport: /dev/fuse driven by io_uring. What kernels without FUSE-over-io_uring get: most machines.
//
// One READ_MULTISHOT with a ring of provided buffers stays parked on the device; a batch of requests arrives per
// enter, and replies are WRITEs submitted in the same enter. /dev/fuse has no FMODE_NOWAIT, so every READ that is
// parked is woken by every request: one must do. Where the kernel has no multishot read (before 6.7), a hard-linked
// chain of READs keeps just one of them parked at a time.
//
// Every slot is a provided buffer, known by its slot number. ENOBUFS (all slots are with us) ends the multishot read;
// it is armed again when a slot comes back: that is the back-pressure.
#pragma once

#include <vector>

#include "transport/transport.h"

namespace ringvol {

class ClassicTransport final : public Transport {
 public:
  ClassicTransport(int device, Ring* ring, Slab* slab, bool use_multishot);
  ~ClassicTransport() override;

  SlotLayout layout() const override;
  Status start() override;
  void complete(Operation operation, Slot slot, int result, uint32_t flags, Arrivals* arrivals) override;
  void poll(Arrivals* arrivals) override;
  void reply(Slot slot, uint32_t length) override;
  void error(Slot slot, int error) override;
  void release(Slot slot) override;
  const char* variant() const override { return multishot_ ? "read-multishot" : "linked-reads"; }

 private:
  Status provide_buffers();
  void arm();
  void arm_multishot();
  void arm_chain();
  void received(Slot slot, int result, Arrivals* arrivals);
  void check_message(Slot slot, int bytes, Arrivals* arrivals);
  void read_failed(int error);
  void replied(Slot slot, int result);
  void send(Slot slot, uint32_t length, int error);

  int device_;
  Ring* ring_;
  Slab* slab_;
  bool multishot_;
  std::vector<Slot> free_;         // slots that the kernel does not have yet
  std::vector<bool> last_resort_;  // the answer on its way is already the error that stands in for a refused one
  uint32_t offered_ = 0;           // slots the kernel may fill: provided buffers, or reads in the chain
  bool armed_ = false;             // a multishot read is parked
  io_uring_buf_ring* buffers_ = nullptr;
  size_t buffers_size_ = 0;
  unsigned buffers_mask_ = 0;
};

}  // namespace ringvol
