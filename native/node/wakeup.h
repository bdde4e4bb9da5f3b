// Wakes a lane from libuv's loop when its descriptor becomes readable.
//
// libuv polls level-triggered, which is what makes yielding cheap: a lane that has more to do simply leaves the
// descriptor readable (again()), goes back to the loop, lets timers and other I/O run, and is called once more.
#pragma once

#include <uv.h>

#include <functional>

#include "base/status.h"

namespace ringvol {

class Wakeup {
 public:
  // `drain`: the descriptor is an eventfd whose count must be read before looking for work.
  Status start(uv_loop_t* loop, int fd, bool drain, std::function<void()> awake);
  void again();
  // Stops and resumes listening, for a descriptor that stays readable while there is no slot to read into.
  void listen(bool on);
  // `closed` runs on a later turn of the loop; this object must live until then.
  void close(std::function<void()> closed);
  bool active() const { return active_; }

 private:
  void on_readable();

  uv_poll_t poll_{};
  int fd_ = -1;
  bool drain_ = false;
  bool active_ = false;
  bool listening_ = false;
  std::function<void()> awake_;
  std::function<void()> closed_;
};

}  // namespace ringvol
