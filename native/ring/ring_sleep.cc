// Arms and takes the tick that ends a sleep; see ring_sleep.h.
#include "ring/ring_sleep.h"

namespace ringvol {

void RingSleep::turn_begins() {
  ++turn_;
  over_ = false;
}

void RingSleep::arm() {
  if (armed_) return;
  io_uring_prep_timeout(ring_->sqe(UserData::pack(Operation::kTick, turn_)), &interval_, 0, 0);
  armed_ = true;
}

void RingSleep::tick(uint32_t turn, int result) {
  armed_ = false;
  if (result != -ETIME) works_ = false;
  if (turn == turn_) over_ = true;
}

}  // namespace ringvol
