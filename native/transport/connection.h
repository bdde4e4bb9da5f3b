// The controls of a FUSE connection (fusectl): how many requests wait, and the switch that ends it.
//
// The switch is opened while all is well, because opening a file can wait for what stands still. The file system is
// mounted for us alone, on no path: nothing that others mount or unmount at its usual place matters, and nobody sees
// it.
#pragma once

#include "base/fd.h"
#include "base/status.h"

namespace ringvol {

class Connection {
 public:
  // `number`: the minor device number of the mount.
  Status open(unsigned number);
  // Requests that the kernel has not got an answer to; 0 when the connection has ended.
  long waiting() const;
  // Everyone who waits for an answer, and who asks later, gets an error.
  Status abort() const;

 private:
  Fd folder_;
  Fd abort_;
};

}  // namespace ringvol
