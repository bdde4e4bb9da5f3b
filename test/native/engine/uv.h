// What the engine asks of libuv, without libuv: work on threads, results on the thread that runs the loop.
//
// Found instead of the real header when the engine is built without Node (Makefile). A thread per job, so that jobs
// really run beside each other and ThreadSanitizer sees what they share.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

struct uv_work_s;
using uv_work_t = uv_work_s;

struct uv_loop_t {
  std::mutex mutex;
  std::condition_variable finished;
  std::deque<uv_work_t*> done;
  std::vector<std::thread> threads;
  std::function<void()> on_thread = [] {};  // first thing on each of them
};

struct uv_work_s {
  void* data;
  void (*after)(uv_work_t*, int);
};

inline int uv_queue_work(uv_loop_t* loop, uv_work_t* work, void (*job)(uv_work_t*), void (*after)(uv_work_t*, int)) {
  work->after = after;
  loop->threads.emplace_back([loop, work, job] {
    loop->on_thread();
    job(work);
    const std::lock_guard lock(loop->mutex);
    loop->done.push_back(work);
    loop->finished.notify_one();
  });
  return 0;
}

// Runs what has ended; with `wait`, waits for the next one while there is any.
inline void run_finished(uv_loop_t* loop, bool wait) {
  std::deque<uv_work_t*> done;
  {
    std::unique_lock lock(loop->mutex);
    if (wait && !loop->threads.empty()) loop->finished.wait(lock, [loop] { return !loop->done.empty(); });
    done.swap(loop->done);
  }
  for (uv_work_t* work : done) work->after(work, 0);
}

// After the last result was taken.
inline void join_all(uv_loop_t* loop) {
  for (std::thread& thread : loop->threads) thread.join();
  loop->threads.clear();
}
