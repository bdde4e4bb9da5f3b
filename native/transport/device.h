// /dev/fuse: open, clone, mount, and single messages.
//
// Single messages are for the INIT handshake, which comes before any lane runs, and for the few requests that the
// kernel never sends over a ring.
#pragma once

#include <cstddef>

#include "base/fd.h"
#include "base/status.h"

namespace ringvol {

// O_CLOEXEC: a child that inherits the connection would keep the mount alive after we are gone.
Status open_device(Fd* device);
// A second descriptor of the same connection (FUSE_DEV_IOC_CLONE), for a lane of its own.
Status clone_device(int device, Fd* clone);

// Lets the kernel do reads and writes of an opened volume on `file` itself (FUSE_DEV_IOC_BACKING_OPEN). The id goes
// into the answer to OPEN. The kernel holds the file, with our locks on it, until the id is closed and nobody has the
// volume open; a connection that is merely closed lets go of it some time later.
Status open_backing(int device, int file, int* id);
// Works on a connection that has ended, too.
Status close_backing(int device, int id);

struct MountRequest {
  int device = -1;
  const char* mountpoint = nullptr;
  const char* source = nullptr;  // first column of /proc/mounts
  bool read_only = false;
  const char* options = nullptr;  // what follows fd=, rootmode=, user_id=, group_id=
};
// Mounts on the directory itself, not on a path that could change in between.
Status mount_device(const MountRequest& request);
Status unmount(const char* mountpoint, bool lazy);

// Bytes of one request, 0 when none waits.
Status read_message(int device, void* buffer, size_t capacity, size_t* length);
Status write_message(int device, const void* buffer, size_t length);
Status set_nonblocking(int fd, bool nonblocking);

}  // namespace ringvol
