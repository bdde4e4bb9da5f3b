// Sets a ring up by trying, and enters it.
#include "ring/ring.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <atomic>
#include <cstring>

namespace ringvol {
namespace {

struct SetupFeature {
  const char* name;
  unsigned flag;
  unsigned needs;  // flags without which the kernel refuses this one
};

// Dropped from the end when io_uring_setup answers EINVAL, so what others need stands before them.
constexpr SetupFeature kSetupFeatures[] = {
    {"restrictions", IORING_SETUP_R_DISABLED, 0},
    {"submit-all", IORING_SETUP_SUBMIT_ALL, 0},  // a bad SQE must not hold back the rest of the batch
    {"single-issuer", IORING_SETUP_SINGLE_ISSUER, 0},
    {"defer-taskrun", IORING_SETUP_DEFER_TASKRUN, IORING_SETUP_SINGLE_ISSUER},
    {"taskrun-flag", IORING_SETUP_TASKRUN_FLAG, IORING_SETUP_DEFER_TASKRUN},
};

// Whatever puts an SQE into a ring must be listed here, or the kernel answers it with EACCES.
constexpr unsigned kOperations[] = {
    IORING_OP_READ,      // image; classic: chained reads of the device
    IORING_OP_WRITE,     // image; classic: replies
    IORING_OP_FSYNC,     // image
    IORING_OP_POLL_ADD,  // uring: the device
    IORING_OP_URING_CMD, kReadMultishot,
    IORING_OP_TIMEOUT,  // the tick of a sleep; liburing's way to wait with a limit, where the enter cannot
};
constexpr unsigned kFlags = IOSQE_FIXED_FILE | IOSQE_IO_HARDLINK | IOSQE_BUFFER_SELECT;
// What is registered later than open(); liburing takes the ring's descriptor back when it closes the ring.
constexpr unsigned kRegistrations[] = {IORING_REGISTER_FILES, IORING_REGISTER_PBUF_RING, IORING_UNREGISTER_RING_FDS};

}  // namespace

Ring::~Ring() {
  if (probe_ != nullptr) io_uring_free_probe(probe_);
  if (open_) io_uring_queue_exit(&ring_);
}

bool Ring::wanted(const char* feature) const {
  return std::find(without_.begin(), without_.end(), feature) == without_.end();
}

Status Ring::set_up(const Options& options) {
  std::vector<SetupFeature> trying;
  unsigned chosen = 0;
  for (const SetupFeature& feature : kSetupFeatures) {
    if (wanted(feature.name) && (chosen & feature.needs) == feature.needs) {
      chosen |= feature.flag;
      trying.push_back(feature);
    } else {
      missing_.push_back(feature.name);
    }
  }
  while (true) {
    io_uring_params params{};
    params.flags = IORING_SETUP_CQSIZE | (options.sqe128 ? IORING_SETUP_SQE128 : 0u);
    // A completion per slot and one per multishot poll or read; twice that, so that overflow cannot happen.
    params.cq_entries = options.entries * 2;
    for (const SetupFeature& feature : trying) params.flags |= feature.flag;
    const int result = io_uring_queue_init_params(options.entries, &ring_, &params);
    if (result == 0) break;
    if (result != -EINVAL || trying.empty()) return Status::failed(-result, "io_uring_setup");
    missing_.push_back(trying.back().name);
    trying.pop_back();
  }
  open_ = true;
  disabled_ = (ring_.flags & IORING_SETUP_R_DISABLED) != 0;
  for (const SetupFeature& feature : trying) {
    if (feature.flag != IORING_SETUP_R_DISABLED) features_.push_back(feature.name);  // not yet: see enable()
  }
  return Status::ok();
}

// With SINGLE_ISSUER the thread that enables is the one that may enter. By the plain call: the liburing of Debian 12
// names its own functions for this in the header and does not export them.
Status Ring::enable() {
  if (!disabled_) return Status::ok();
  (restrict_operations() ? features_ : missing_).push_back("restrictions");
  const int result = io_uring_register(static_cast<unsigned>(ring_.ring_fd), IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
  if (result != 0) return Status::failed(-result, "io_uring_register");
  disabled_ = false;
  return Status::ok();
}

bool Ring::restrict_operations() {
  std::vector<io_uring_restriction> allowed;
  for (const unsigned operation : kOperations) {
    if (!supports(operation)) continue;  // one that the kernel does not know makes it refuse the list
    io_uring_restriction& rule = allowed.emplace_back();
    rule.opcode = IORING_RESTRICTION_SQE_OP;
    rule.sqe_op = static_cast<uint8_t>(operation);
  }
  for (const unsigned registration : kRegistrations) {
    io_uring_restriction& rule = allowed.emplace_back();
    rule.opcode = IORING_RESTRICTION_REGISTER_OP;
    rule.register_op = static_cast<uint8_t>(registration);
  }
  io_uring_restriction& flags = allowed.emplace_back();
  flags.opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED;
  flags.sqe_flags = kFlags;
  return io_uring_register(static_cast<unsigned>(ring_.ring_fd), IORING_REGISTER_RESTRICTIONS, allowed.data(),
                           static_cast<unsigned>(allowed.size())) == 0;
}

Status Ring::open(const Options& options) {
  CHECK(!open_ && options.entries > 0);
  without_ = options.without;
  if (Status status = set_up(options); !status.fine()) return status;
  if (wanted("ring-fd") && io_uring_register_ring_fd(&ring_) == 1) {
    features_.push_back("ring-fd");
  } else {
    missing_.push_back("ring-fd");
  }
  event_fd_ = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event_fd_.valid()) return Status::last("eventfd");
  if (const int result = io_uring_register_eventfd(&ring_, event_fd_.get()); result != 0) {
    return Status::failed(-result, "io_uring_register");
  }
  probe_ = io_uring_get_probe_ring(&ring_);
  return enable();
}

int Ring::probe(std::vector<std::string>* features) {
  Ring ring;
  if (Status status = ring.open({.entries = 4, .sqe128 = true, .without = {}}); !status.fine()) {
    Ring small;  // SQE128 is younger than the rest: see whether a plain ring works
    Status plain = small.open({.entries = 4, .sqe128 = false, .without = {}});
    *features = small.features();
    if (plain.fine() && small.supports(kReadMultishot)) features->push_back("read-multishot");
    return plain.error;
  }
  *features = ring.features();
  features->push_back("sqe128");
  if (ring.supports(IORING_OP_URING_CMD)) features->push_back("uring-cmd");
  if (ring.supports(kReadMultishot)) features->push_back("read-multishot");
  return 0;
}

void Ring::register_file(int fd) {
  file_ = fd;
  fixed_file_ = wanted("fixed-files") && io_uring_register_files(&ring_, &file_, 1) == 0;
  (fixed_file_ ? features_ : missing_).push_back("fixed-files");
}

void Ring::set_registered_file(io_uring_sqe* sqe) const {
  CHECK(file_ >= 0);
  sqe->fd = fixed_file_ ? 0 : file_;
  if (fixed_file_) sqe->flags |= IOSQE_FIXED_FILE;
}

bool Ring::supports(unsigned opcode) const {
  return probe_ != nullptr && opcode <= probe_->last_op && (probe_->ops[opcode].flags & IO_URING_OP_SUPPORTED) != 0;
}

io_uring_sqe* Ring::sqe(uint64_t user_data) {
  io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
  CHECK(sqe != nullptr);
  std::memset(sqe, 0, (ring_.flags & IORING_SETUP_SQE128) != 0 ? 2 * sizeof(*sqe) : sizeof(*sqe));
  sqe->user_data = user_data;
  return sqe;
}

Status Ring::enter() { return entered(io_uring_submit_and_get_events(&ring_)); }

Status Ring::enter_and_wait() { return entered(io_uring_submit_and_wait(&ring_, 1)); }

Status Ring::entered(int result) {
  switch (result) {
    case -EINTR:   // a signal; the loop comes back
    case -EAGAIN:  // the kernel is short of memory for requests
    case -EBUSY:   // completions must be reaped first
      return Status::ok();
    default:
      return result < 0 ? Status::failed(-result, "io_uring_enter") : Status::ok();
  }
}

bool Ring::shows_work() const {
  return (ring_.flags & IORING_SETUP_DEFER_TASKRUN) == 0 || (ring_.flags & IORING_SETUP_TASKRUN_FLAG) != 0;
}

void Ring::announce(bool on) {
  if (!shows_work()) return;  // nobody could tell whether deferred work is left
  io_uring_cq_eventfd_toggle(&ring_, on);
  // The kernel queues work and then reads this switch; we turn the switch and then look for work. One of both sees
  // the other only if neither's steps change places.
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

bool Ring::has_deferred_work() const { return (IO_URING_READ_ONCE(*ring_.sq.kflags) & IORING_SQ_TASKRUN) != 0; }

}  // namespace ringvol
