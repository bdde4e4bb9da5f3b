// File operations on libuv's thread pool: the engine where the kernel refuses io_uring.
//
// One uv_work_t per slot, allocated once; a slot has at most one operation, so they never run out. Results come back
// on the loop's thread.
#pragma once

#include <uv.h>

#include <functional>
#include <vector>

#include "ring/file_io.h"

namespace ringvol {

class PoolEngine final : public FileEngine {
 public:
  using Done = std::function<void(Slot, int)>;

  PoolEngine(uv_loop_t* loop, const BackingFile& file, uint32_t slots, Done done);
  void submit(Slot slot, const FileOperation& operation) override;
  uint32_t running() const { return running_; }

 private:
  struct Job {
    uv_work_t work{};
    PoolEngine* engine = nullptr;
    Slot slot = 0;
    FileOperation operation;
    int result = 0;
  };
  static int run(const BackingFile& file, const FileOperation& operation);

  uv_loop_t* loop_;
  BackingFile file_;
  std::vector<Job> jobs_;
  Done done_;
  uint32_t running_ = 0;
};

}  // namespace ringvol
