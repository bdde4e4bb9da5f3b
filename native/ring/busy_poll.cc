// Looks and yields in turn; see busy_poll.h.
#include "ring/busy_poll.h"

#include <sched.h>
#include <time.h>

namespace ringvol {
namespace {

uint64_t clock_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

bool BusyPoll::wait(const Ring& ring) {
  if (since_ == 0) since_ = clock_ns();
  if (!worthwhile_) return false;
  while (clock_ns() - since_ < kLimit) {
    if (ring.has_work()) return true;
    sched_yield();
  }
  worthwhile_ = false;
  return false;
}

void BusyPoll::ended() {
  if (since_ == 0) return;
  worthwhile_ = clock_ns() - since_ < kLimit;
  since_ = 0;
}

}  // namespace ringvol
