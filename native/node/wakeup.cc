// uv_poll around one descriptor; see wakeup.h.
#include "node/wakeup.h"

#include <sys/eventfd.h>

#include "base/check.h"

namespace ringvol {

Status Wakeup::start(uv_loop_t* loop, int fd, bool drain, std::function<void()> awake) {
  CHECK(!active_);
  fd_ = fd;
  drain_ = drain;
  awake_ = std::move(awake);
  if (const int result = uv_poll_init(loop, &poll_, fd); result != 0) return Status::failed(-result, "uv_poll_init");
  poll_.data = this;
  active_ = true;
  listen(true);
  return Status::ok();
}

void Wakeup::listen(bool on) {
  if (!active_ || on == listening_) return;
  listening_ = on;
  if (on) {
    // A status below zero (the descriptor is in error: unmounted) is a wake-up too; reading it tells the reason.
    uv_poll_start(&poll_, UV_READABLE,
                  [](uv_poll_t* handle, int, int) { static_cast<Wakeup*>(handle->data)->on_readable(); });
  } else {
    uv_poll_stop(&poll_);
  }
}

void Wakeup::on_readable() {
  // First drain, then look: a completion between the two leaves the count up, and we are called once more.
  if (drain_) {
    eventfd_t count;
    eventfd_read(fd_, &count);
  }
  awake_();
}

void Wakeup::again() {
  if (drain_ && active_) eventfd_write(fd_, 1);
}

void Wakeup::close(std::function<void()> closed) {
  CHECK(active_);
  active_ = false;
  closed_ = std::move(closed);
  uv_poll_stop(&poll_);
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_), [](uv_handle_t* handle) {
    auto* self = static_cast<Wakeup*>(handle->data);
    auto done = std::move(self->closed_);
    done();
  });
}

}  // namespace ringvol
