// Blocking calls on pool threads; see pool_engine.h.
#include "node/pool_engine.h"

#include <unistd.h>

#include "base/check.h"

namespace ringvol {

PoolEngine::PoolEngine(uv_loop_t* loop, const BackingFile& file, uint32_t slots, Done done)
    : loop_(loop), file_(file), jobs_(slots), done_(std::move(done)) {}

void PoolEngine::submit(Slot slot, const FileOperation& operation) {
  Job& job = jobs_[slot];
  job.engine = this;
  job.slot = slot;
  job.operation = operation;
  job.work.data = &job;
  ++running_;
  enter_threads();
  const int result = uv_queue_work(
      loop_, &job.work,
      [](uv_work_t* work) {
        auto* running = static_cast<Job*>(work->data);
        running->result = run(running->engine->file_, running->operation);
        running->engine->leave_threads();
      },
      [](uv_work_t* work, int) {
        auto* finished = static_cast<Job*>(work->data);
        --finished->engine->running_;
        finished->engine->done_(finished->slot, finished->result);
      });
  CHECK(result == 0);
}

void PoolEngine::enter_threads() {
  const std::lock_guard lock(mutex_);
  ++in_threads_;
}

// Tells with the lock held: whoever waits may end this engine as soon as the lock is free.
void PoolEngine::leave_threads() {
  const std::lock_guard lock(mutex_);
  if (--in_threads_ == 0) ended_.notify_all();
}

bool PoolEngine::wait(std::chrono::seconds limit) {
  std::unique_lock lock(mutex_);
  return ended_.wait_for(lock, limit, [this] { return in_threads_ == 0; });
}

int PoolEngine::run(const BackingFile& file, const FileOperation& operation) {
  const int fd = operation.direct ? file.direct_fd : file.fd;
  const auto offset = static_cast<off_t>(operation.rest_offset());
  ssize_t result = 0;
  switch (operation.action) {
    case FileAction::kRead:
      result = pread(fd, operation.rest(), operation.rest_length(), offset);
      break;
    case FileAction::kWrite:
      result = pwrite(fd, operation.rest(), operation.rest_length(), offset);
      break;
    case FileAction::kSync:
      result = fdatasync(fd);
      break;
  }
  return result < 0 ? -errno : static_cast<int>(result);
}

}  // namespace ringvol
