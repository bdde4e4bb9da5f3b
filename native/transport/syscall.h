// The `syscall` transport: plain read(2) and write(2) on /dev/fuse, for machines that refuse io_uring.
//
// Slower by a system call per request, but it needs nothing beyond FUSE itself: the seccomp profiles of container
// runtimes and kernel.io_uring_disabled both leave it alone.
#pragma once

#include <vector>

#include "transport/transport.h"

namespace ringvol {

class SyscallTransport final : public Transport {
 public:
  SyscallTransport(int device, Slab* slab);

  SlotLayout layout() const override;
  Status start() override;
  void complete(Operation, Slot, int, uint32_t, Arrivals*) override;
  void poll(Arrivals* arrivals) override;
  void reply(Slot slot, uint32_t length) override;
  void error(Slot slot, int error) override;
  void release(Slot slot) override;
  const char* variant() const override { return "read-write"; }

  // false: every slot is with us, so looking at the device would only spin.
  bool has_free_slot() const { return !free_.empty(); }

 private:
  void send(Slot slot, uint32_t length, int error);

  int device_;
  Slab* slab_;
  std::vector<Slot> free_;  // a stack: the slot used last has its pages in the cache
};

}  // namespace ringvol
