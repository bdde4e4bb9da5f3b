// The system calls on /dev/fuse and the mount; see device.h.
#include "transport/device.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>

#include "abi/fuse_abi.h"

namespace ringvol {

namespace {

// The descriptor pins the directory that was checked. A symlink put in its place, or in that of a directory above it,
// is refused (ELOOP), not followed. Without openat2 (before Linux 5.6, some seccomp filters) only the last one is.
int open_mountpoint(const char* path) {
  constexpr int kFlags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  open_how how{.flags = kFlags, .mode = 0, .resolve = RESOLVE_NO_SYMLINKS};
  const auto fd = static_cast<int>(syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how)));
  return fd < 0 && (errno == ENOSYS || errno == EPERM) ? open(path, kFlags) : fd;
}

}  // namespace

Status open_device(Fd* device) {
  *device = Fd(open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK));
  return device->valid() ? Status::ok() : Status::last("open");
}

Status clone_device(int device, Fd* clone) {
  Fd fresh;
  if (Status status = open_device(&fresh); !status.fine()) return status;
  auto source = static_cast<uint32_t>(device);
  if (ioctl(fresh.get(), abi::kIoctlClone, &source) != 0) return Status::last("ioctl");
  *clone = std::move(fresh);
  return Status::ok();
}

Status open_backing(int device, int file, int* id) {
  const abi::BackingMap map{.fd = file, .flags = 0, .padding = 0};
  *id = ioctl(device, abi::kIoctlBackingOpen, &map);
  return *id > 0 ? Status::ok() : Status::last("ioctl");
}

Status close_backing(int device, int id) {
  auto number = static_cast<uint32_t>(id);
  return ioctl(device, abi::kIoctlBackingClose, &number) == 0 ? Status::ok() : Status::last("ioctl");
}

Status mount_device(const MountRequest& request) {
  Fd directory(open_mountpoint(request.mountpoint));
  if (!directory.valid()) return Status::last("open");
  struct stat info {};
  if (fstat(directory.get(), &info) != 0) return Status::last("fstat");
  const std::string target = "/proc/self/fd/" + std::to_string(directory.get());
  char rootmode[16];
  snprintf(rootmode, sizeof(rootmode), "%o", info.st_mode & S_IFMT);
  std::string data = "fd=" + std::to_string(request.device) + ",rootmode=" + rootmode +
                     ",user_id=" + std::to_string(getuid()) + ",group_id=" + std::to_string(getgid());
  if (*request.options != '\0') data = data + "," + request.options;
  unsigned long flags = MS_NOSUID | MS_NODEV;
  if (request.read_only) flags |= MS_RDONLY;
  if (mount(request.source, target.c_str(), "fuse.ringvol", flags, data.c_str()) != 0) return Status::last("mount");
  return Status::ok();
}

Status unmount(const char* mountpoint, bool lazy) {
  const int flags = UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0);
  return umount2(mountpoint, flags) == 0 ? Status::ok() : Status::last("umount2");
}

Status read_message(int device, void* buffer, size_t capacity, size_t* length) {
  *length = 0;
  while (true) {
    const ssize_t result = read(device, buffer, capacity);
    if (result >= 0) {
      *length = static_cast<size_t>(result);
      return Status::ok();
    }
    if (errno == EAGAIN) return Status::ok();
    // ENOENT: the request was taken back (interrupted) while it was being copied; there may be another.
    if (errno != EINTR && errno != ENOENT) return Status::last("read");
  }
}

Status write_message(int device, const void* buffer, size_t length) {
  while (true) {
    if (write(device, buffer, length) >= 0) return Status::ok();
    if (errno != EINTR) return Status::last("write");
  }
}

Status set_nonblocking(int fd, bool nonblocking) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return Status::last("fcntl");
  const int wanted = nonblocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  return fcntl(fd, F_SETFL, wanted) == 0 ? Status::ok() : Status::last("fcntl");
}

}  // namespace ringvol
