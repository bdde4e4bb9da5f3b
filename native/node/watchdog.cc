// See watchdog.h.
#include "node/watchdog.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <utility>

#include "base/check.h"

namespace ringvol {

Watchdog::Watchdog(std::shared_ptr<Connection> connection, uint32_t loops, std::chrono::milliseconds limit,
                   std::string says)
    : connection_(std::move(connection)),
      loops_(loops),
      every_(limit / kLooks),
      says_(std::move(says)),
      beats_(std::make_unique<std::atomic<uint32_t>[]>(loops)),
      seen_(std::make_unique<uint32_t[]>(loops)),
      strikes_(std::make_unique<uint32_t[]>(loops)) {
  // Signals are for the threads that know what to do with them; a new thread inherits the mask of who made it.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
  thread_ = std::thread([this] { run(); });
  CHECK(pthread_sigmask(SIG_SETMASK, &before, nullptr) == 0);
}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Watchdog::beat(uint32_t loop) {
  CHECK(loop < loops_);
  beats_[loop].fetch_add(1, std::memory_order_relaxed);
}

// true: a loop has stood still for the whole limit while somebody waited.
bool Watchdog::look() {
  bool dead = false;
  for (uint32_t loop = 0; loop < loops_; ++loop) {
    const uint32_t beats = beats_[loop].load(std::memory_order_relaxed);
    const bool silent = beats == seen_[loop];
    strikes_[loop] = silent && connection_->waiting() > 0 ? strikes_[loop] + 1 : 0;
    seen_[loop] = beats;
    dead = dead || strikes_[loop] >= kLooks;
  }
  return dead;
}

void Watchdog::run() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, every_, [this] { return ending_; })) {
    if (!look()) continue;
    fired_ = true;
    if (!connection_->abort().fine()) continue;  // tried again at the next look
    // A pipe that nobody reads must not keep this thread, for whose end the process waits; with POLLOUT a pipe takes
    // PIPE_BUF bytes at once (pipe(7)).
    pollfd out{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
    if (poll(&out, 1, 0) > 0 && write(STDERR_FILENO, says_.data(), says_.size()) < 0) return;
    return;
  }
}

}  // namespace ringvol
