// See connection.h.
#include "transport/connection.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace ringvol {
namespace {

// By number: glibc has these calls only since 2.36.
Status mount_fusectl(Fd* folder) {
  Fd context(static_cast<int>(syscall(SYS_fsopen, "fusectl", FSOPEN_CLOEXEC)));
  if (!context.valid()) return Status::last("fsopen");
  if (syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    return Status::last("fsconfig");
  }
  *folder = Fd(static_cast<int>(syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, 0)));
  return folder->valid() ? Status::ok() : Status::last("fsmount");
}

}  // namespace

Status Connection::open(unsigned number) {
  Fd folder;
  if (Status status = mount_fusectl(&folder); !status.fine()) return status;
  folder_ = Fd(openat(folder.get(), std::to_string(number).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder_.valid()) return Status::last("openat");
  abort_ = Fd(openat(folder_.get(), "abort", O_WRONLY | O_CLOEXEC));
  return abort_.valid() ? Status::ok() : Status::last("openat");
}

long Connection::waiting() const {
  // Opened anew: the file gives its number once, and cannot be read from its beginning again (nonseekable_open).
  const Fd file(openat(folder_.get(), "waiting", O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return 0;
  char text[32] = {};
  const ssize_t length = read(file.get(), text, sizeof(text) - 1);
  return length > 0 ? std::strtol(text, nullptr, 10) : 0;
}

Status Connection::abort() const { return write(abort_.get(), "1", 1) == 1 ? Status::ok() : Status::last("write"); }

}  // namespace ringvol
