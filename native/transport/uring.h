// The `uring` transport: FUSE-over-io_uring (protocol 7.42, kernel 6.14 and the module parameter enable_uring).
//
// The kernel has one queue per possible CPU and all of them must have entries before it sends the first request. An
// entry is a slot: REGISTER names its header and payload once; from then on one command, COMMIT_AND_FETCH, carries the
// answer out and the next request in. FORGET and INTERRUPT still come through /dev/fuse, so the device is watched too,
// which is also how the end of the connection is seen.
#pragma once

#include <sys/uio.h>

#include <array>
#include <memory>
#include <vector>

#include "transport/transport.h"

namespace ringvol {

class UringTransport final : public Transport {
 public:
  // Slots are dealt out `depth` per queue, in the order of `queues`.
  UringTransport(int device, std::vector<uint16_t> queues, uint32_t depth, Ring* ring, Slab* slab);

  SlotLayout layout() const override;
  Status start() override;
  void complete(Operation operation, Slot slot, int result, uint32_t flags, Arrivals* arrivals) override;
  void poll(Arrivals* arrivals) override;
  void reply(Slot slot, uint32_t length) override;
  void error(Slot slot, int error) override;
  void release(Slot slot) override;
  const char* variant() const override { return "commit-and-fetch"; }

 private:
  void watch_device();
  void take_device_messages();
  io_uring_sqe* command(Slot slot, uint32_t operation);
  void commit(Slot slot, uint32_t length, int error);

  int device_;
  std::vector<uint16_t> queues_;
  uint32_t depth_;
  Ring* ring_;
  Slab* slab_;
  using EntryVectors = std::array<iovec, 2>;  // header and payload, as REGISTER wants them
  std::vector<EntryVectors> vectors_;         // per slot; read by the kernel while it takes REGISTER
  // For messages of the device; not initialised, so that it is touched only as far as messages reach.
  std::unique_ptr<uint8_t[]> scratch_;
  size_t scratch_size_;
  bool watching_ = false;
};

}  // namespace ringvol
