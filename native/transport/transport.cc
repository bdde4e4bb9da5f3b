// What every transport's replies have in common.
#include "transport/transport.h"

#include <cstring>

#include "abi/fuse_abi.h"

namespace ringvol {

uint32_t put_written(uint8_t* payload, uint32_t bytes) {
  const abi::WriteOut out{.size = bytes, .padding = 0};
  std::memcpy(payload, &out, sizeof(out));
  return sizeof(out);
}

}  // namespace ringvol
