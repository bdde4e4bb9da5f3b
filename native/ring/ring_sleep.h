// Sleeps inside the enter: the call that submits answers is the one that waits for the next request.
//
// For a thread that is pinned to the CPU whose requests it serves, where it takes a third or more off the time of a
// request that comes alone (docs/benchmark.md). Going back to epoll between the two would be some calls more, during
// which the scheduler takes this CPU for busy and wakes the caller on another one, out of its halt.
//
// The thread has an event loop besides, for which a tick ends the sleep: messages and timers come so much later, and a
// lane with nothing to do goes back there for good. The ring must not watch the loop's epoll set instead, which holds
// the eventfd of this very ring: what a wake-up inside a wake-up adds to the ring's work is announced to nobody
// (docs/transports.md, Traps).
//
// One thread uses it, the ring's.
#pragma once

#include <chrono>
#include <cstdint>

#include "ring/ring.h"

namespace ringvol {

class RingSleep {
 public:
  static constexpr std::chrono::milliseconds kTick{10};

  explicit RingSleep(Ring* ring) : ring_(ring) {}

  void turn_begins();
  // The tick of this turn has come: back to the event loop. For good if the kernel refuses to tick.
  bool over() const { return over_ || !works_; }
  // Queues a tick if there is none; the next enter may then wait.
  void arm();
  // A tick came: `turn` is what its user_data has for a slot. One from an earlier turn says nothing about this one,
  // since the event loop has run in between.
  void tick(uint32_t turn, int result);

 private:
  Ring* ring_;
  // The kernel reads it when the entry is submitted, some time after arm() has returned.
  __kernel_timespec interval_{.tv_sec = 0, .tv_nsec = std::chrono::nanoseconds(kTick).count()};
  uint32_t turn_ = 0;
  bool over_ = false;
  bool works_ = true;
  bool armed_ = false;
};

}  // namespace ringvol
