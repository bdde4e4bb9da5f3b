// What the file backend needs of the kernel and Node's fs module does not offer.
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "node/errors.h"
#include "node/exports.h"
#include "node/promise_worker.h"

// statx fields of Linux 6.1 that glibc 2.36 does not name.
#ifndef STATX_DIOALIGN
#define STATX_DIOALIGN 0x2000U
#endif

namespace ringvol {
namespace {

int fd_of(const Napi::CallbackInfo& info) { return info[0].As<Napi::Number>().Int32Value(); }

// An OFD lock is what QEMU and other exporters look at, flock what loop users do; both go when the last descriptor of
// this open file is closed, whatever way the process ends.
void lock_file(const Napi::CallbackInfo& info) {
  const bool exclusive = info[1].As<Napi::Boolean>();
  struct flock range {};
  range.l_type = static_cast<short>(exclusive ? F_WRLCK : F_RDLCK);
  range.l_whence = SEEK_SET;
  Status status = Status::ok();
  if (fcntl(fd_of(info), F_OFD_SETLK, &range) != 0) status = Status::last("fcntl");
  if (status.fine() && flock(fd_of(info), (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0)
    status = Status::last("flock");
  throw_unless_fine(info.Env(), status);
}

Napi::Value is_memory(const Napi::CallbackInfo& info) {
  struct statfs stats {};
  if (fstatfs(fd_of(info), &stats) != 0) throw system_error(info.Env(), Status::last("fstatfs"));
  return Napi::Boolean::New(info.Env(), stats.f_type == TMPFS_MAGIC || stats.f_type == RAMFS_MAGIC);
}

Napi::Value direct_alignment(const Napi::CallbackInfo& info) {
  struct statx stats {};
  unsigned alignment = 0;
  if (statx(fd_of(info), "", AT_EMPTY_PATH, STATX_DIOALIGN, &stats) == 0 && (stats.stx_mask & STATX_DIOALIGN) != 0) {
    // stx_dio_mem_align and stx_dio_offset_align follow stx_mnt_id; older headers have them in the spare words.
    uint32_t words[2];
    static_assert(offsetof(struct statx, stx_mnt_id) == 0x90);
    std::memcpy(words, reinterpret_cast<const char*>(&stats) + 0x98, sizeof(words));
    alignment = std::max(words[0], words[1]);
  }
  int sector = 0;
  if (alignment == 0 && ioctl(fd_of(info), BLKSSZGET, &sector) == 0) alignment = static_cast<unsigned>(sector);
  return Napi::Number::New(info.Env(), alignment == 0 ? 512 : alignment);
}

Napi::Value device_size(const Napi::CallbackInfo& info) {
  uint64_t bytes = 0;
  if (ioctl(fd_of(info), BLKGETSIZE64, &bytes) != 0) throw system_error(info.Env(), Status::last("ioctl"));
  return Napi::Number::New(info.Env(), static_cast<double>(bytes));
}

Napi::Value fallocate_js(const Napi::CallbackInfo& info) {
  const int fd = fd_of(info);
  const int mode = info[1].As<Napi::Number>().Int32Value();
  const int64_t offset = info[2].As<Napi::Number>().Int64Value();
  const int64_t length = info[3].As<Napi::Number>().Int64Value();
  return PromiseWorker::run(info.Env(), [=](double*) {
    return fallocate(fd, mode, offset, length) == 0 ? Status::ok() : Status::last("fallocate");
  });
}

Napi::Value seek_js(const Napi::CallbackInfo& info) {
  const int fd = fd_of(info);
  const int64_t offset = info[1].As<Napi::Number>().Int64Value();
  const int whence = info[2].As<Napi::Number>().Int32Value();
  return PromiseWorker::run(info.Env(), [=](double* result) {
    const off_t found = lseek(fd, offset, whence);
    if (found < 0 && errno != ENXIO) return Status::last("lseek");
    *result = static_cast<double>(found);
    return Status::ok();
  });
}

void close_fd(const Napi::CallbackInfo& info) {
  if (close(fd_of(info)) != 0) throw system_error(info.Env(), Status::last("close"));
}

Napi::Value duplicate(const Napi::CallbackInfo& info) {
  const int fd = fcntl(fd_of(info), F_DUPFD_CLOEXEC, 0);
  if (fd < 0) throw system_error(info.Env(), Status::last("fcntl"));
  return Napi::Number::New(info.Env(), fd);
}

}  // namespace

void export_files(Napi::Env env, Napi::Object exports) {
  exports.Set("lockFile", Napi::Function::New(env, lock_file, "lockFile"));
  exports.Set("isMemory", Napi::Function::New(env, is_memory, "isMemory"));
  exports.Set("directAlignment", Napi::Function::New(env, direct_alignment, "directAlignment"));
  exports.Set("deviceSize", Napi::Function::New(env, device_size, "deviceSize"));
  exports.Set("fallocate", Napi::Function::New(env, fallocate_js, "fallocate"));
  exports.Set("seek", Napi::Function::New(env, seek_js, "seek"));
  exports.Set("closeFd", Napi::Function::New(env, close_fd, "closeFd"));
  exports.Set("duplicate", Napi::Function::New(env, duplicate, "duplicate"));
}

}  // namespace ringvol
