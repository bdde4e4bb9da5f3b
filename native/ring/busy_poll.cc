// Looks and yields in turn; see busy_poll.h.
#include "ring/busy_poll.h"

#include <sched.h>

namespace ringvol {

bool BusyPoll::wait(const Ring& ring) {
  if (!since_) since_ = Clock::now();
  if (!worthwhile_) return false;
  while (Clock::now() - *since_ < kLimit) {
    if (ring.has_work()) return true;
    sched_yield();
  }
  worthwhile_ = false;
  return false;
}

void BusyPoll::ended() {
  if (!since_) return;
  worthwhile_ = Clock::now() - *since_ < kLimit;
  since_.reset();
}

}  // namespace ringvol
