// Opens the parts of a lane and runs its turns; see lane_core.h.
#include "node/lane_core.h"

#include <fcntl.h>
#include <time.h>

#include <chrono>
#include <utility>

#include "transport/classic.h"
#include "transport/uring.h"

namespace ringvol {
namespace {

// Besides one operation per slot: the multishot read or device poll, re-armed while the last one still completes, and
// the tick of a sleep.
constexpr unsigned kExtraEntries = 8;
constexpr int kShutDownSeconds = 5;

bool listed(const std::vector<std::string>& names, const char* name) {
  for (const std::string& each : names) {
    if (each == name) return true;
  }
  return false;
}

// Milliseconds. Coarse, to the tick of the scheduler: it costs a few nanoseconds, and ages are told in milliseconds.
double coarse_clock() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

}  // namespace

LaneCore::~LaneCore() = default;

// Opened anew, not duplicated: the image's locks belong to the backend's open file description, and the kernel lets go
// of a ring's files only some time after the ring is closed. A duplicate would keep the image locked until then.
Status LaneCore::open_own(int* fd, Fd* own) {
  const int flags = fcntl(*fd, F_GETFL);
  if (flags < 0) return Status::last("fcntl");
  char path[32];
  snprintf(path, sizeof(path), "/proc/self/fd/%d", *fd);
  *own = Fd(::open(path, (flags & (O_ACCMODE | O_DIRECT)) | O_CLOEXEC));
  if (!own->valid()) return Status::last("open");
  *fd = own->get();
  return Status::ok();
}

Status LaneCore::open(const LaneOptions& requested) {
  LaneOptions options = requested;
  BackingFile& file = options.file;
  if (options.has_file) {
    if (Status status = open_own(&file.fd, &file_fd_); !status.fine()) return status;
    if (file.direct_fd >= 0) {
      if (Status status = open_own(&file.direct_fd, &direct_fd_); !status.fine()) return status;
    }
  }
  device_ = options.device;
  const bool uring = options.transport == TransportKind::kUring;
  const auto queues = uring ? static_cast<uint32_t>(options.queues.size()) : 1u;
  CHECK(queues > 0 && options.depth > 0);
  if (Status status = slab_.map(queues * options.depth, options.max_payload); !status.fine()) return status;
  arrived_.resize(slab_.slots());
  rows_.resize(slab_.slots());
  began_.resize(slab_.slots());
  arrivals_ = {.slots = arrived_.data(), .capacity = slab_.slots(), .count = 0};
  FileEngine* engine = nullptr;
  if (options.transport == TransportKind::kSyscall) {
    auto transport = std::make_unique<SyscallTransport>(device_, &slab_);
    syscall_ = transport.get();
    transport_ = std::move(transport);
    pool_ = std::make_unique<PoolEngine>(loop_, options.file, slab_.slots(),
                                         [this](Slot slot, int result) { pool_done(slot, result); });
    engine = pool_.get();
  } else {
    if (Status status = open_ring(options); !status.fine()) return status;
    if (uring) {
      transport_ = std::make_unique<UringTransport>(device_, options.queues, options.depth, ring_.get(), &slab_);
    } else {
      transport_ =
          std::make_unique<ClassicTransport>(device_, ring_.get(), &slab_, !listed(options.without, "read-multishot"));
    }
    ring_engine_ = std::make_unique<RingEngine>(ring_.get(), file);
    engine = ring_engine_.get();
  }
  if (options.has_file) file_io_ = std::make_unique<FileIo>(options.file, &slab_, engine);
  return Status::ok();
}

Status LaneCore::open_ring(const LaneOptions& options) {
  ring_ = std::make_unique<Ring>();
  const Ring::Options wanted{.entries = slab_.slots() + kExtraEntries,
                             .sqe128 = options.transport == TransportKind::kUring,
                             .without = options.without};
  if (Status status = ring_->open(wanted); !status.fine()) return status;
  ring_->register_file(device_);
  // Else its own tick would be announced, and wake it again and again.
  if (options.sleeps_in_ring && ring_->shows_work()) sleep_.emplace(ring_.get());
  return Status::ok();
}

Status LaneCore::start() { return transport_->start(); }

int LaneCore::wake_fd() const { return ring_ != nullptr ? ring_->event_fd() : device_; }

std::vector<std::string> LaneCore::features() const {
  std::vector<std::string> features = ring_ != nullptr ? ring_->features() : std::vector<std::string>();
  features.push_back(transport_->variant());
  return features;
}

std::vector<std::string> LaneCore::missing() const {
  return ring_ != nullptr ? ring_->missing() : std::vector<std::string>{"io_uring"};
}

bool LaneCore::turn() {
  counters_.wake_ups += 1;
  if (ring_ != nullptr) ring_->announce(false);
  if (sleep_) sleep_->turn_begins();
  int empty_looks = 0;
  for (int round = 0; round < kRounds; ++round) {
    arrivals_.count = 0;
    const bool moved = look(empty_looks);
    if (arrivals_.count > 0) {
      counters_.batches += 1;
      counters_.requests += arrivals_.count;
      counters_.in_flight += arrivals_.count;
      stamp_arrivals();
      events_.batch(arrivals_.count);
      execute();
    }
    publish_counters();
    check_closed();
    // File operations still end after the connection has, and their completions must wake the lane: only a ring that
    // cannot be entered any more is left as it is.
    if (told_closed_ && (ring_ == nullptr || ring_error_ != 0)) return true;
    if (ring_ == nullptr) {
      if (arrivals_.count == 0) return true;
    } else if (moved || arrivals_.count > 0) {
      busy_poll_.ended();
      if (empty_looks >= kLooks) ring_->announce(false);
      empty_looks = 0;
    } else if (++empty_looks == kLooks && wait_for_work()) {
      empty_looks = 0;
    } else if (empty_looks > kLooks && !ring_->has_unsubmitted() &&
               (!ring_->has_deferred_work() || empty_looks > kLooks + kLeftoverLooks)) {
      // The flag of deferred work may be left over: the kernel queues the work first and then sets it, and an enter in
      // between does the one and cannot clear the other. Each enter does some, so real work is gone by then.
      return true;
    }
  }
  if (ring_ != nullptr) ring_->announce(true);
  return false;
}

// Requests that neither the kernel nor the engine has. Their answers come through the event loop, so nothing else may
// be waited for.
bool LaneCore::backend_owes() const { return counters_.in_flight > (file_io_ != nullptr ? file_io_->in_engine() : 0); }

bool LaneCore::wait_for_work() { return !sleep_ && !backend_owes() && ring_->shows_work() && busy_poll_.wait(*ring_); }

// Neither before the first request (the volume is still starting) nor once the connection is gone.
bool LaneCore::may_sleep(int empty_looks) const {
  return sleep_ && !sleep_->over() && empty_looks == 0 && counters_.requests > 0 && !told_closed_ && !backend_owes();
}

// One look at the clock for all that came in one look for work.
void LaneCore::stamp_arrivals() {
  const double now = coarse_clock();
  for (uint32_t index = 0; index < arrivals_.count; ++index) began_[arrived_[index]] = now;
}

// One look for work: submits, runs deferred work, takes completions. true when anything completed.
bool LaneCore::look(int empty_looks) {
  transport_->poll(&arrivals_);
  if (ring_ == nullptr) return false;
  counters_.enters += 1;
  if (empty_looks >= kLooks) ring_->announce(true);
  const bool sleeps = may_sleep(empty_looks);
  if (sleeps) sleep_->arm();
  const Status status = sleeps ? ring_->enter_and_wait() : ring_->enter();
  if (!status.fine()) ring_error_ = status.error;
  return ring_->reap([this](uint64_t data, int result, uint32_t flags) {
    const Slot slot = UserData::slot(data);
    switch (UserData::operation(data)) {
      case Operation::kFile:
        return finish_file(slot, file_io_->complete(slot, result));
      case Operation::kTick:
        return sleep_->tick(slot, result);
      default:
        return transport_->complete(UserData::operation(data), slot, result, flags, &arrivals_);
    }
  }) > 0;
}

void LaneCore::publish_counters() {
  counters_.no_buffers = transport_->no_buffers();
  if (file_io_ != nullptr) {
    counters_.file_inline = file_io_->counters().inline_done;
    counters_.file_ring = file_io_->counters().engine_done;
  }
}

void LaneCore::check_closed() {
  const int error = ring_error_ != 0 ? ring_error_ : transport_->closed();
  if (error == 0 || told_closed_) return;
  told_closed_ = true;
  events_.closed(error);
}

void LaneCore::execute() {
  const auto count = static_cast<size_t>(counters_.action_rows);
  CHECK(count <= rows_.size());
  counters_.action_rows = 0;
  for (size_t index = 0; index < count; ++index) perform(rows_[index]);
}

void LaneCore::perform(const ActionRow& row) {
  const auto slot = static_cast<Slot>(row.slot);
  CHECK(slot < slab_.slots());
  switch (static_cast<Action>(static_cast<uint8_t>(row.action))) {
    case Action::kReply:
      CHECK(row.length >= 0 && row.length <= static_cast<double>(slab_.max_payload()));
      return answer(slot, static_cast<uint32_t>(row.length));
    case Action::kError:
      return refuse(slot, static_cast<int>(row.length));
    case Action::kRelease:
      settle(slot);
      return transport_->release(slot);
    case Action::kReadFile:
      return begin_file(slot, FileAction::kRead, row);
    case Action::kWriteFile:
      return begin_file(slot, FileAction::kWrite, row);
    case Action::kSyncFile:
      return begin_file(slot, FileAction::kSync, row);
  }
  CHECK(false);
}

void LaneCore::begin_file(Slot slot, FileAction action, const ActionRow& row) {
  CHECK(file_io_ != nullptr);
  finish_file(slot,
              file_io_->start(slot, action, static_cast<uint64_t>(row.offset), static_cast<uint32_t>(row.length)));
}

// Answers a file operation that is over; does nothing for one that the engine still has.
void LaneCore::finish_file(Slot slot, int result) {
  if (result == FileIo::kPending) return;
  const FileOperation& operation = file_io_->operation(slot);
  if (operation.action == FileAction::kSync) counters_.syncs += 1;
  if (result < 0) {
    if (operation.action == FileAction::kSync) counters_.sync_errors += 1;
    counters_.file_errors += 1;
    counters_.last_file_errno = -result;
    return refuse(slot, -result);
  }
  switch (operation.action) {
    case FileAction::kRead:
      counters_.bytes_read += operation.length;
      return answer(slot, operation.length);
    case FileAction::kWrite:
      counters_.bytes_written += operation.length;
      return answer(slot, put_written(slab_.payload(slot), operation.length));
    default:
      return answer(slot, 0);
  }
}

// The request of a slot has its answer, or needs none.
void LaneCore::settle(Slot slot) {
  counters_.in_flight -= 1;
  began_[slot] = 0;
}

void LaneCore::answer(Slot slot, uint32_t length) {
  settle(slot);
  counters_.replies += 1;
  transport_->reply(slot, length);
}

void LaneCore::refuse(Slot slot, int error) {
  CHECK(error > 0);
  settle(slot);
  counters_.errors += 1;
  transport_->error(slot, error);
}

void LaneCore::pool_done(Slot slot, int result) {
  if (!shut_) {
    finish_file(slot, file_io_->complete(slot, result));
    return events_.answered();
  }
  if (pool_->running() == 0 && idle_) let_go(std::exchange(idle_, nullptr));
}

void LaneCore::let_go(const std::function<void()>& idle) {
  file_fd_.reset();
  direct_fd_.reset();
  idle();
}

bool LaneCore::shut_down(std::function<void()> idle) {
  CHECK(!shut_);
  if (ring_ != nullptr && file_io_ != nullptr) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(kShutDownSeconds);
    while (file_io_->in_engine() > 0 && std::chrono::steady_clock::now() < end) {
      io_uring_cqe* cqe = nullptr;
      __kernel_timespec look{.tv_sec = 1, .tv_nsec = 0};
      const int result = io_uring_submit_and_wait_timeout(ring_->raw(), &cqe, 1, &look, nullptr);
      if (result == -EINTR || result == -ETIME) continue;
      if (result < 0 || cqe == nullptr) break;
      if (UserData::operation(cqe->user_data) == Operation::kFile) {
        finish_file(UserData::slot(cqe->user_data), file_io_->complete(UserData::slot(cqe->user_data), cqe->res));
      }
      io_uring_cqe_seen(ring_->raw(), cqe);
    }
  }
  // Whoever has an unanswered request, a worker of the kernel or a backend, may still read its payload or write there:
  // that memory must not be used for anything else, or somebody's bytes end up in the image.
  if (counters_.in_flight > 0) slab_.leak();
  const bool settled = pool_ != nullptr ? pool_->wait(std::chrono::seconds(kShutDownSeconds))
                                        : file_io_ == nullptr || file_io_->in_engine() == 0;
  shut_ = true;
  ring_.reset();
  if (pool_ != nullptr && pool_->running() > 0) {
    idle_ = std::move(idle);
  } else {
    let_go(idle);
  }
  return settled;
}

}  // namespace ringvol
