// The wrapped calls (ld --wrap, see the Makefile); wrap.h says what for.
#include "wrap.h"

#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>

#include "abi/fuse_abi.h"
#include "ring/ring.h"

namespace ringvol::test {
namespace {

thread_local Weather* weather = nullptr;

// The kernel orders the end of one mapping and the start of another at its address. liburing maps without libc, so
// ThreadSanitizer does not see it, and would take the next ring there for the last one.
std::mutex mappings;

// true: the call fails with the errno that is set.
bool fails(bool may_be_busy) {
  if (weather == nullptr) return false;
  if (weather->chance(weather->hard)) {
    errno = EIO;
    return true;
  }
  if (!weather->chance(weather->transient)) return false;
  errno = may_be_busy && weather->coin() ? EAGAIN : EINTR;
  return true;
}

size_t cut(size_t length) {
  if (weather == nullptr || length < 2 || !weather->chance(weather->transient)) return length;
  return 1 + weather->next() % (length - 1);
}

bool is_success(const void* reply) {
  abi::OutHeader header;
  std::memcpy(&header, reply, sizeof(header));
  return header.error == 0;
}

void spoil_answers(io_uring* ring) {
  const unsigned shift = (ring->flags & IORING_SETUP_SQE128) != 0 ? 1 : 0;
  for (unsigned at = ring->sq.sqe_head; at != ring->sq.sqe_tail; ++at) {
    io_uring_sqe& sqe = ring->sq.sqes[(at & ring->sq.ring_mask) << shift];
    if (UserData::operation(sqe.user_data) != Operation::kReply) continue;
    if (!is_success(reinterpret_cast<const void*>(sqe.addr)) || !weather->chance(weather->refuse)) continue;
    sqe.fd = (sqe.flags & IOSQE_FIXED_FILE) != 0 ? 999 : -1;
  }
}

int weathered(Operation operation, int result) {
  if (operation != Operation::kFile) return weather->gone ? -ENODEV : result;
  if (result < 0) return result;
  if (weather->chance(weather->hard)) return -EIO;
  if (!weather->chance(weather->transient)) return result;
  if (result > 1 && weather->coin()) return 1 + static_cast<int>(weather->next() % static_cast<unsigned>(result - 1));
  return weather->coin() ? -EAGAIN : -EINTR;
}

void change_completions(io_uring* ring) {
  const unsigned tail = io_uring_smp_load_acquire(ring->cq.ktail);
  for (unsigned at = weather->changed; at != tail; ++at) {
    io_uring_cqe& cqe = ring->cq.cqes[at & ring->cq.ring_mask];
    cqe.res = weathered(UserData::operation(cqe.user_data), cqe.res);
  }
  weather->changed = tail;
}

template <typename Enter>
int enter(io_uring* ring, Enter&& really) {
  if (weather == nullptr) return really();
  if (weather->chance(weather->transient)) {
    constexpr int kRefusals[] = {-EINTR, -EAGAIN, -EBUSY};
    return kRefusals[weather->next() % 3];
  }
  spoil_answers(ring);
  const int result = really();
  change_completions(ring);
  if (weather->stale) *ring->sq.kflags |= IORING_SQ_TASKRUN;
  return result;
}

}  // namespace

// xorshift; of the pool's threads and the lane's, whoever comes first.
uint64_t Weather::next() {
  uint64_t value = state.load();
  uint64_t following;
  do {
    following = value;
    following ^= following << 13;
    following ^= following >> 7;
    following ^= following << 17;
  } while (!state.compare_exchange_weak(value, following));
  return following;
}

void set_weather(Weather* given) { weather = given; }

}  // namespace ringvol::test

using ringvol::test::cut;
using ringvol::test::fails;
using ringvol::test::weather;

extern "C" {

ssize_t __real_pread(int, void*, size_t, off_t);
ssize_t __wrap_pread(int fd, void* buffer, size_t length, off_t offset) {
  return fails(true) ? -1 : __real_pread(fd, buffer, cut(length), offset);
}

ssize_t __real_pwrite(int, const void*, size_t, off_t);
ssize_t __wrap_pwrite(int fd, const void* buffer, size_t length, off_t offset) {
  return fails(true) ? -1 : __real_pwrite(fd, buffer, cut(length), offset);
}

ssize_t __real_preadv2(int, const iovec*, int, off_t, int);
ssize_t __wrap_preadv2(int fd, const iovec* vector, int, off_t offset, int flags) {
  const iovec shorter{vector->iov_base, cut(vector->iov_len)};
  return fails(true) ? -1 : __real_preadv2(fd, &shorter, 1, offset, flags);
}

ssize_t __real_pwritev2(int, const iovec*, int, off_t, int);
ssize_t __wrap_pwritev2(int fd, const iovec* vector, int, off_t offset, int flags) {
  const iovec shorter{vector->iov_base, cut(vector->iov_len)};
  return fails(true) ? -1 : __real_pwritev2(fd, &shorter, 1, offset, flags);
}

int __real_fdatasync(int);
int __wrap_fdatasync(int fd) { return fails(false) ? -1 : __real_fdatasync(fd); }

// Of the device only.
ssize_t __real_read(int, void*, size_t);
ssize_t __wrap_read(int fd, void* buffer, size_t length) {
  if (weather != nullptr && weather->gone) {
    errno = ENODEV;
    return -1;
  }
  if (weather != nullptr && weather->chance(weather->transient)) {
    constexpr int kErrors[] = {EINTR, EAGAIN, ENOENT};
    errno = kErrors[weather->next() % 3];
    return -1;
  }
  return __real_read(fd, buffer, length);
}

ssize_t __real_write(int, const void*, size_t);
ssize_t __wrap_write(int fd, const void* buffer, size_t length) {
  if (weather != nullptr && weather->gone) {
    errno = ENODEV;
    return -1;
  }
  if (weather != nullptr && weather->chance(weather->transient)) {
    errno = EINTR;
    return -1;
  }
  if (weather != nullptr && ringvol::test::is_success(buffer) && weather->chance(weather->refuse)) {
    errno = EINVAL;
    return -1;
  }
  return __real_write(fd, buffer, length);
}

int __real_io_uring_submit_and_get_events(io_uring*);
int __wrap_io_uring_submit_and_get_events(io_uring* ring) {
  return ringvol::test::enter(ring, [ring] { return __real_io_uring_submit_and_get_events(ring); });
}

int __real_io_uring_submit_and_wait(io_uring*, unsigned);
int __wrap_io_uring_submit_and_wait(io_uring* ring, unsigned count) {
  return ringvol::test::enter(ring, [&] { return __real_io_uring_submit_and_wait(ring, count); });
}

int __real_io_uring_submit_and_wait_timeout(io_uring*, io_uring_cqe**, unsigned, __kernel_timespec*, sigset_t*);
int __wrap_io_uring_submit_and_wait_timeout(io_uring* ring, io_uring_cqe** first, unsigned count,
                                            __kernel_timespec* limit, sigset_t* mask) {
  return ringvol::test::enter(ring,
                              [&] { return __real_io_uring_submit_and_wait_timeout(ring, first, count, limit, mask); });
}

int __real_io_uring_queue_init_params(unsigned, io_uring*, io_uring_params*);
int __wrap_io_uring_queue_init_params(unsigned entries, io_uring* ring, io_uring_params* params) {
  const std::lock_guard lock(ringvol::test::mappings);
  return __real_io_uring_queue_init_params(entries, ring, params);
}

void __real_io_uring_queue_exit(io_uring*);
void __wrap_io_uring_queue_exit(io_uring* ring) {
  const std::lock_guard lock(ringvol::test::mappings);
  __real_io_uring_queue_exit(ring);
}

}  // extern "C"
