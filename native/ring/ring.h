// An io_uring instance with probed features; the only user of liburing.
//
// The ring knows neither FUSE nor Node: it hands out SQEs, submits them in one enter and hands back completions. Every
// slot has at most one operation in flight, so a submission queue of `slots + a few` can never be full; that is
// asserted, not handled. Features are tried, best first, and dropped one at a time when the kernel refuses them.
//
// One thread owns a ring: it is created, entered and destroyed there (IORING_SETUP_SINGLE_ISSUER).
//
// seccomp cannot see what a ring is asked to do, so the ring itself is told what it may: it is set up disabled, gets
// the list of operations that ringvol uses, and is enabled. Memory that goes wrong here then cannot open, connect or
// send.
#pragma once

#include <liburing.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/fd.h"
#include "base/status.h"

namespace ringvol {

// IORING_OP_READ_MULTISHOT, since 6.7: younger than the headers of Debian 12.
inline constexpr unsigned kReadMultishot = 49;

// What a completion is about. Packed into the 64 bits of user_data: kind in the top byte, slot in the low half.
enum class Operation : uint8_t { kRequest, kReply, kMultishot, kFile, kDevicePoll, kTick };

struct UserData {
  static uint64_t pack(Operation operation, uint32_t slot) { return static_cast<uint64_t>(operation) << 56 | slot; }
  static Operation operation(uint64_t data) { return static_cast<Operation>(data >> 56); }
  static uint32_t slot(uint64_t data) { return static_cast<uint32_t>(data); }
};

class Ring {
 public:
  struct Options {
    unsigned entries = 0;
    bool sqe128 = false;               // FUSE-over-io_uring needs the 80-byte command area
    std::vector<std::string> without;  // features not to try
  };

  Ring() = default;
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  Status open(const Options& options);
  // 0, or the errno of the kernel's refusal; and what this kernel's ring can do. For `doctor` and for choosing.
  static int probe(std::vector<std::string>* features);

  // Registers the one file that every request goes through, which spares the kernel a look-up per operation. Where it
  // refuses, the descriptor is used as it is.
  void register_file(int fd);
  // Names the registered file in an SQE.
  void set_registered_file(io_uring_sqe* sqe) const;

  bool supports(unsigned opcode) const;
  const std::vector<std::string>& features() const { return features_; }
  const std::vector<std::string>& missing() const { return missing_; }

  // Zeroed, ready for io_uring_prep_*. Never null, see above.
  io_uring_sqe* sqe(uint64_t user_data);
  bool has_unsubmitted() const { return io_uring_sq_ready(&ring_) > 0; }

  // One enter: submits what is queued and runs deferred work, without waiting. EINTR, EAGAIN and EBUSY leave the rest
  // queued for the next call. Any other error is our bug or a dead ring.
  Status enter();
  // The same, and sleeps until there is a completion.
  Status enter_and_wait();

  // Hands over completions until there are none, then marks them seen. `handle(user_data, result, flags)` may queue
  // SQEs but must not enter.
  template <typename Handle>
  unsigned reap(Handle&& handle) {
    unsigned total = 0;
    while (true) {
      unsigned head;
      unsigned count = 0;
      io_uring_cqe* cqe;
      io_uring_for_each_cqe(&ring_, head, cqe) {
        handle(cqe->user_data, cqe->res, cqe->flags);
        ++count;
      }
      if (count == 0) return total;
      io_uring_cq_advance(&ring_, count);
      total += count;
    }
  }

  // Readable when completions, or deferred work that will become completions, wait. With DEFER_TASKRUN the ring's own
  // descriptor does not become readable for the latter, the registered eventfd does.
  int event_fd() const { return event_fd_.get(); }
  // Off while somebody looks anyway: each announcement is a wake-up of the event loop that finds nothing. Whoever
  // switches it on again must look once more, because what came before was announced to nobody.
  void announce(bool on);
  // One enter runs some deferred work, not all of it, and the kernel announces the rest to nobody.
  bool has_deferred_work() const;
  // Whether an enter would bring anything: told by the memory shared with the kernel, without a call.
  bool has_work() const { return io_uring_cq_ready(&ring_) > 0 || has_deferred_work(); }
  // false: deferred work shows nowhere (DEFER_TASKRUN without TASKRUN_FLAG), only entering tells.
  bool shows_work() const;

  io_uring* raw() { return &ring_; }

 private:
  static Status entered(int result);
  bool wanted(const char* feature) const;
  Status set_up(const Options& options);
  Status enable();
  bool restrict_operations();

  io_uring ring_{};
  bool open_ = false;
  bool disabled_ = false;  // between io_uring_setup and enable()
  bool fixed_file_ = false;
  std::vector<std::string> without_;
  int file_ = -1;
  Fd event_fd_;
  io_uring_probe* probe_ = nullptr;
  std::vector<std::string> features_;
  std::vector<std::string> missing_;
};

}  // namespace ringvol
