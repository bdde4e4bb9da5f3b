// Slot ↔ backing file, without payload entering JavaScript.
//
// An operation is first tried inline on the serving thread, where it cannot wait: RWF_NOWAIT for a page-cached file, a
// plain call on tmpfs (its I/O is a copy). What would wait goes to the engine: the ring, or a thread pool where the
// kernel refuses io_uring. Short transfers are resumed until the whole range is done. A read that meets the end of the
// file is EIO: the image was truncated under us, and zeros must not be invented.
#pragma once

#include <cstdint>
#include <vector>

#include "base/status.h"
#include "ring/ring.h"
#include "ring/slab.h"

namespace ringvol {

enum class FileAction : uint8_t { kRead, kWrite, kSync };

struct BackingFile {
  int fd = -1;
  int direct_fd = -1;      // O_DIRECT, or -1
  uint32_t alignment = 1;  // bytes; requests that are multiples use direct_fd
  bool memory = false;     // tmpfs: inline calls never wait for a device
};

struct FileOperation {
  FileAction action = FileAction::kRead;
  bool direct = false;
  uint64_t offset = 0;  // bytes, of the whole request
  uint32_t length = 0;  // bytes, of the whole request
  uint32_t done = 0;    // bytes already transferred
  uint8_t* payload = nullptr;

  uint8_t* rest() const { return payload + done; }
  uint32_t rest_length() const { return length - done; }
  uint64_t rest_offset() const { return offset + done; }
};

// Runs what would wait. Completion comes back as FileIo::complete(slot, result).
class FileEngine {
 public:
  virtual ~FileEngine() = default;
  virtual void submit(Slot slot, const FileOperation& operation) = 0;
};

// The file is named by its descriptor, not registered with the ring: the kernel lets go of registered files only some
// time after the ring is closed, and until then the file system below the image could not be unmounted.
class RingEngine final : public FileEngine {
 public:
  RingEngine(Ring* ring, const BackingFile& file) : ring_(ring), file_(file) {}
  void submit(Slot slot, const FileOperation& operation) override;

 private:
  Ring* ring_;
  BackingFile file_;
};

struct FileCounters {
  double inline_done = 0;
  double engine_done = 0;
};

class FileIo {
 public:
  static constexpr int kPending = 1;  // start() or complete(): the engine has it

  FileIo(const BackingFile& file, Slab* slab, FileEngine* engine);

  // Begins an operation on a slot that has none. kPending, 0 when it is already done, or a negative errno.
  int start(Slot slot, FileAction action, uint64_t offset, uint32_t length);
  // The engine's result for the slot (bytes or negative errno). Same answers as start().
  int complete(Slot slot, int result);

  const FileOperation& operation(Slot slot) const { return operations_[slot]; }
  uint32_t in_engine() const { return in_engine_; }
  const FileCounters& counters() const { return counters_; }

 private:
  int try_inline(FileOperation& operation);
  int to_engine(Slot slot);

  BackingFile file_;
  Slab* slab_;
  FileEngine* engine_;
  std::vector<FileOperation> operations_;
  uint32_t in_engine_ = 0;
  bool nowait_read_ = true;   // until the file system answers EOPNOTSUPP
  bool nowait_write_ = true;  // likewise
  FileCounters counters_;
};

}  // namespace ringvol
