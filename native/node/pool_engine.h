// File operations on libuv's thread pool: the engine where the kernel refuses io_uring.
//
// One uv_work_t per slot, allocated once; a slot has at most one operation, so they never run out. Results come back
// on the loop's thread.
#pragma once

#include <uv.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <vector>

#include "ring/file_io.h"

namespace ringvol {

class PoolEngine final : public FileEngine {
 public:
  using Done = std::function<void(Slot, int)>;

  PoolEngine(uv_loop_t* loop, const BackingFile& file, uint32_t slots, Done done);
  void submit(Slot slot, const FileOperation& operation) override;
  // Operations whose result has not come back to the loop's thread.
  uint32_t running() const { return running_; }
  // Waits until no thread works on an operation any more, results aside. false: one still does.
  bool wait(std::chrono::seconds limit);

 private:
  struct Job {
    uv_work_t work{};
    PoolEngine* engine = nullptr;
    Slot slot = 0;
    FileOperation operation;
    int result = 0;
  };
  static int run(const BackingFile& file, const FileOperation& operation);
  void enter_threads();
  void leave_threads();

  uv_loop_t* loop_;
  BackingFile file_;
  std::vector<Job> jobs_;
  Done done_;
  uint32_t running_ = 0;
  std::mutex mutex_;
  std::condition_variable ended_;
  uint32_t in_threads_ = 0;  // under mutex_
};

}  // namespace ringvol
