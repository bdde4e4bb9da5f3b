// Inline first, engine second; see file_io.h for the rule.
#include "ring/file_io.h"

#include <sys/uio.h>
#include <unistd.h>

#include "base/check.h"

namespace ringvol {
namespace {

bool moves_bytes(FileAction action) { return action != FileAction::kSync; }

ssize_t transfer(const FileOperation& operation, int fd, int flags) {
  const auto offset = static_cast<off_t>(operation.rest_offset());
  // Without flags the plain calls do the same and cost less: no vector to copy in.
  if (flags == 0) {
    return operation.action == FileAction::kRead ? pread(fd, operation.rest(), operation.rest_length(), offset)
                                                 : pwrite(fd, operation.rest(), operation.rest_length(), offset);
  }
  iovec vector{operation.rest(), operation.rest_length()};
  return operation.action == FileAction::kRead ? preadv2(fd, &vector, 1, offset, flags)
                                               : pwritev2(fd, &vector, 1, offset, flags);
}

}  // namespace

void RingEngine::submit(Slot slot, const FileOperation& operation) {
  io_uring_sqe* sqe = ring_->sqe(UserData::pack(Operation::kFile, slot));
  const int fd = operation.direct ? file_.direct_fd : file_.fd;
  switch (operation.action) {
    case FileAction::kRead:
      io_uring_prep_read(sqe, fd, operation.rest(), operation.rest_length(), operation.rest_offset());
      break;
    case FileAction::kWrite:
      io_uring_prep_write(sqe, fd, operation.rest(), operation.rest_length(), operation.rest_offset());
      break;
    case FileAction::kSync:
      io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
      break;
  }
}

FileIo::FileIo(const BackingFile& file, Slab* slab, FileEngine* engine)
    : file_(file), slab_(slab), engine_(engine), operations_(slab->slots()) {
  CHECK(file.alignment > 0);
}

int FileIo::start(Slot slot, FileAction action, uint64_t offset, uint32_t length) {
  CHECK(slot < operations_.size());
  CHECK(!moves_bytes(action) || (length > 0 && length <= slab_->max_payload()));
  FileOperation& operation = operations_[slot];
  operation = {.action = action,
               .direct = false,
               .offset = offset,
               .length = length,
               .done = 0,
               .payload = slab_->payload(slot)};
  if (!moves_bytes(action)) return to_engine(slot);
  operation.direct = file_.direct_fd >= 0 && offset % file_.alignment == 0 && length % file_.alignment == 0;
  const int result = try_inline(operation);
  if (result != kPending) {
    counters_.inline_done += 1;
    return result;
  }
  return to_engine(slot);
}

// 0 done, negative errno failed, kPending: it would wait, or part of it would.
int FileIo::try_inline(FileOperation& operation) {
  bool& nowait = operation.action == FileAction::kRead ? nowait_read_ : nowait_write_;
  if (operation.direct || !(file_.memory || nowait)) return kPending;
  while (operation.done < operation.length) {
    const ssize_t result = transfer(operation, file_.fd, file_.memory ? 0 : RWF_NOWAIT);
    if (result > 0) {
      operation.done += static_cast<uint32_t>(result);
    } else if (result == 0) {
      return -EIO;
    } else if (errno == EOPNOTSUPP && !file_.memory) {
      nowait = false;
      return kPending;
    } else if (errno == EAGAIN) {
      return kPending;
    } else if (errno != EINTR) {
      return -errno;
    }
  }
  return 0;
}

int FileIo::to_engine(Slot slot) {
  ++in_engine_;
  engine_->submit(slot, operations_[slot]);
  return kPending;
}

int FileIo::complete(Slot slot, int result) {
  CHECK(slot < operations_.size() && in_engine_ > 0);
  --in_engine_;
  FileOperation& operation = operations_[slot];
  // Never a sync: a barrier that was cut short must be reported, not tried again into success.
  if (moves_bytes(operation.action) && (result == -EINTR || result == -EAGAIN)) return to_engine(slot);
  if (result >= 0 && moves_bytes(operation.action)) {
    if (result == 0) result = -EIO;
    if (result > 0) {
      CHECK(static_cast<uint32_t>(result) <= operation.rest_length());
      operation.done += static_cast<uint32_t>(result);
      // What is left may be unaligned after a short transfer; the page cache takes any length.
      if (operation.done % file_.alignment != 0) operation.direct = false;
      if (operation.done < operation.length) return to_engine(slot);
    }
  }
  counters_.engine_done += 1;
  return result < 0 ? result : 0;
}

}  // namespace ringvol
