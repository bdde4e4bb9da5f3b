// The slab: one mapping that holds all slots of a lane.
//
//   ┌ headers: slots × 512 bytes ┐┌ slot 0: one page in front │ payload ┐┌ slot 1 …
//
// A slot is one request's fixed memory; it belongs to the kernel, to the dispatcher or to the ring, never to two of
// them. The payload is page-aligned, as O_DIRECT on the backing file wants it. The page in front of it is where the
// classic transport lets a message begin, 80 bytes before the payload, so that the data of a WRITE lands on the
// boundary. Pages are touched only when used: the mapping is address space until then.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/status.h"

namespace ringvol {

using Slot = uint32_t;

class Slab {
 public:
  static constexpr size_t kPage = 4096;
  static constexpr size_t kHeaderStride = 512;

  Slab() = default;
  ~Slab();
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  Status map(uint32_t slots, size_t max_payload);
  // The kernel may still write into it: the mapping is given up, never reused.
  void leak() { base_ = nullptr; }

  uint32_t slots() const { return slots_; }
  size_t max_payload() const { return max_payload_; }
  size_t size() const { return size_; }
  uint8_t* base() const { return base_; }

  size_t payload_offset() const { return headers_size_ + kPage; }
  size_t payload_stride() const { return payload_stride_; }

  uint8_t* header(Slot slot) const { return base_ + slot * kHeaderStride; }
  uint8_t* payload(Slot slot) const { return base_ + payload_offset() + slot * payload_stride_; }

 private:
  uint8_t* base_ = nullptr;
  uint32_t slots_ = 0;
  size_t max_payload_ = 0;
  size_t headers_size_ = 0;
  size_t payload_stride_ = 0;
  size_t size_ = 0;
};

}  // namespace ringvol
