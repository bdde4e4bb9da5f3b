// Waits for a ring without going to sleep, for a moment, and only where the last waits were that short.
//
// A CPU that has nothing to do halts, and a virtual one needs tens of microseconds to come back: with one request in
// flight that is most of its latency. So the thread stays runnable and gives its CPU to whoever else wants it after
// every look. It is what KVM does for the CPUs of its guests (Documentation/virt/kvm/halt-polling.rst), and the rule is
// the same: a wait that sleeping would have made longer than the limit anyway ends the polling, one that polling could
// have caught begins it.
//
// One thread uses it, the ring's.
#pragma once

#include <chrono>
#include <optional>

#include "ring/ring.h"

namespace ringvol {

class BusyPoll {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::microseconds kLimit{100};

  // true: the ring seems to have work; if that came to nothing, the next call goes on with the same moment. false: the
  // moment passed without, or there is no reason to wait.
  bool wait(const Ring& ring);
  // There was work: the wait is over.
  void ended();

 private:
  bool worthwhile_ = false;
  std::optional<Clock::time_point> since_;  // when there was no work first; none: there is work
};

}  // namespace ringvol
