// A lane without Node: slab, ring, transport and file I/O, and the turn that moves batches between them.
//
//   wake-up ──► look (enter, reap) ──► arrived slots ──► batch() ──► action rows ──► execute ──► look again …
//
// Going back to the event loop costs more than a look, and answers that were just submitted bring new requests within
// microseconds. So a turn that found nothing looks kLooks more times, waits a moment where that has been enough lately
// (busy_poll.h), and only then goes back; after kRounds rounds it goes in any case, so that timers and other I/O run.
// With requests at a backend it never waits: what answers them runs in the event loop. A lane that sleeps in its ring
// (ring_sleep.h) does so in the first look, and in each one after something completed, instead. During a turn the
// ring's announcements are off. The last look is after they were switched on again: without it, what came just before
// would be announced to nobody, and its caller would wait for ever.
#pragma once

#include <uv.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "node/pool_engine.h"
#include "ring/busy_poll.h"
#include "ring/file_io.h"
#include "ring/ring.h"
#include "ring/ring_sleep.h"
#include "ring/slab.h"
#include "transport/syscall.h"
#include "transport/transport.h"

namespace ringvol {

// Column 1 of a row. Same numbers as `action` in src/native/addon.ts.
enum class Action : uint8_t {
  kReply = 0,
  kError = 1,
  kRelease = 2,
  kReadFile = 3,
  kWriteFile = 4,
  kSyncFile = 5,
};

// One row of the table that TypeScript writes. Doubles: exact to 2^53, and the one element type JavaScript never boxes.
struct ActionRow {
  double slot;
  double action;
  double length;  // bytes; for kError the errno
  double offset;  // bytes
};

// Shared with TypeScript, read there without a call. Same order as `laneCounters` in src/native/addon.ts.
struct Counters {
  double action_rows;
  double wake_ups;
  double batches;
  double requests;
  double replies;
  double errors;
  double enters;
  double file_inline;
  double file_ring;
  double bytes_read;
  double bytes_written;
  double syncs;
  double sync_errors;
  double file_errors;
  double last_file_errno;
  double no_buffers;
  double in_flight;
};

struct LaneOptions {
  TransportKind transport = TransportKind::kClassic;
  int device = -1;
  std::vector<uint16_t> queues;
  uint32_t depth = 0;
  size_t max_payload = 0;
  bool has_file = false;
  BackingFile file;
  std::vector<std::string> without;
  bool sleeps_in_ring = false;
};

class LaneCore {
 public:
  static constexpr int kLooks = 3;
  static constexpr int kLeftoverLooks = 16;
  static constexpr int kRounds = 64;

  struct Events {
    std::function<void(uint32_t count)> batch;
    std::function<void(int error)> closed;
    std::function<void()> answered;  // outside a turn: a pool thread's result gave a slot back
  };

  LaneCore(uv_loop_t* loop, Events events) : loop_(loop), events_(std::move(events)) {}
  ~LaneCore();

  Status open(const LaneOptions& options);
  Status start();

  // One turn. false: come back soon, there was more to do.
  bool turn();
  // Executes the queued rows. Entering the ring is left to the next turn.
  void execute();
  // Waits for file operations in ring or pool, for at most five seconds; the slab is given up if they, or a backend,
  // still have some of it. From here on nothing is answered. `idle` runs when no pool thread works for this lane any
  // more: now, or later. false: an operation on the file has not ended.
  bool shut_down(std::function<void()> idle);

  // What to wait for, and whether it is an eventfd.
  int wake_fd() const;
  bool wake_fd_is_event() const { return ring_ != nullptr; }
  bool can_receive() const { return syscall_ == nullptr || syscall_->has_free_slot(); }

  const Slab& slab() const { return slab_; }
  SlotLayout layout() const { return transport_->layout(); }
  uint32_t* arrived() { return arrived_.data(); }
  ActionRow* rows() { return rows_.data(); }
  Counters* counters() { return &counters_; }
  double* began() { return began_.data(); }
  std::vector<std::string> features() const;
  std::vector<std::string> missing() const;

 private:
  Status open_ring(const LaneOptions& options);
  bool look(int empty_looks);
  bool backend_owes() const;
  bool wait_for_work();
  bool may_sleep(int empty_looks) const;
  void stamp_arrivals();
  void perform(const ActionRow& row);
  void begin_file(Slot slot, FileAction action, const ActionRow& row);
  void finish_file(Slot slot, int result);
  void settle(Slot slot);
  void answer(Slot slot, uint32_t length);
  void refuse(Slot slot, int error);
  void pool_done(Slot slot, int result);
  static Status open_own(int* fd, Fd* own);
  void let_go(const std::function<void()>& idle);
  void publish_counters();
  void check_closed();

  uv_loop_t* loop_;
  Events events_;
  int device_ = -1;
  Slab slab_;
  std::unique_ptr<Ring> ring_;
  std::unique_ptr<PoolEngine> pool_;
  std::unique_ptr<RingEngine> ring_engine_;
  std::unique_ptr<Transport> transport_;
  SyscallTransport* syscall_ = nullptr;
  std::unique_ptr<FileIo> file_io_;
  BusyPoll busy_poll_;
  std::optional<RingSleep> sleep_;  // none: it polls before it goes back to the event loop
  std::vector<uint32_t> arrived_;
  std::vector<ActionRow> rows_;
  // Per slot: when its request was taken in, milliseconds of CLOCK_MONOTONIC; 0 without one. Read by TypeScript.
  std::vector<double> began_;
  Counters counters_{};
  Arrivals arrivals_;
  // Our own descriptors of the backing file: pool threads may use them after the backend was closed.
  Fd file_fd_;
  Fd direct_fd_;
  std::function<void()> idle_;
  bool shut_ = false;
  bool told_closed_ = false;
  int ring_error_ = 0;
};

}  // namespace ringvol
