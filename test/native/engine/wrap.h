// Bad weather between the engine and the kernel, brought in by the linker: the engine's calls come through wrap.cc.
//
// Short transfers, EINTR, EAGAIN, EIO on the image; answers that the kernel refuses; a device that is gone; a ring that
// cannot be entered now. What io_uring does happens inside the kernel: its completions are changed before they are
// read, and its answers spoilt before they are submitted.
#pragma once

#include <atomic>
#include <cstdint>

namespace ringvol::test {

struct Weather {
  unsigned transient = 0;          // percent: short transfers, EINTR, EAGAIN; a ring that is busy
  unsigned hard = 0;               // percent: EIO
  unsigned refuse = 0;             // percent: answers that the kernel refuses
  std::atomic<bool> gone = false;  // the device says ENODEV
  std::atomic<uint64_t> state = 1;
  bool stale = false;    // every enter leaves the flag of deferred work set, with none there
  unsigned changed = 0;  // completions up to here have had their weather
  // Instead of chances: the nth time that something could go wrong it does, and never again. 0: chances.
  uint64_t nth = 0;
  std::atomic<uint64_t> times = 0;

  uint64_t next();
  bool coin() { return next() % 2 == 0; }
  bool chance(unsigned percent) {
    if (percent == 0) return false;
    return nth == 0 ? next() % 100 < percent : ++times == nth;
  }
};

// Of the calls that this thread makes from now on; nullptr: fine.
void set_weather(Weather* weather);

}  // namespace ringvol::test
