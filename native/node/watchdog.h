// A thread that ends a connection whose event loop has stopped going round while requests wait.
//
// It sees nothing but beats, which each loop gives while it goes round, and the kernel's count of waiting requests.
// Time is counted in looks of this thread: while the process is stopped by a signal or a debugger, or the machine
// sleeps, this thread sleeps too, and whoever wakes up with it has the whole limit before it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "transport/connection.h"

namespace ringvol {

class Watchdog {
 public:
  // `says` is written to stderr when it acts.
  Watchdog(std::shared_ptr<Connection> connection, uint32_t loops, std::chrono::milliseconds limit, std::string says);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  void beat(uint32_t loop);
  bool fired() const { return fired_; }

 private:
  static constexpr uint32_t kLooks = 8;

  void run();
  bool look();

  std::shared_ptr<Connection> connection_;
  const uint32_t loops_;
  const std::chrono::milliseconds every_;
  const std::string says_;
  std::unique_ptr<std::atomic<uint32_t>[]> beats_;
  std::unique_ptr<uint32_t[]> seen_;     // the beats of the last look
  std::unique_ptr<uint32_t[]> strikes_;  // looks in a row without a beat while requests waited
  std::atomic<bool> fired_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace ringvol
