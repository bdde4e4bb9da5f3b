// Maps the slab; see slab.h for the layout.
#include "ring/slab.h"

#include <sys/mman.h>

#include "base/check.h"

namespace ringvol {
namespace {

size_t round_up(size_t value, size_t to) { return (value + to - 1) / to * to; }

}  // namespace

Slab::~Slab() {
  if (base_ != nullptr) munmap(base_, size_);
}

Status Slab::map(uint32_t slots, size_t max_payload) {
  CHECK(base_ == nullptr && slots > 0 && max_payload > 0);
  const size_t headers = round_up(slots * kHeaderStride, kPage);
  const size_t stride = kPage + round_up(max_payload, kPage);
  const size_t size = headers + slots * stride;
  // NORESERVE: most slots never see a large request, and strict overcommit must not refuse what is never touched.
  void* base = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) return Status::last("mmap");
  // What users keep on the volume is not for core dumps. Where the kernel refuses, there is nothing better to do.
  (void)madvise(base, size, MADV_DONTDUMP);
  base_ = static_cast<uint8_t*>(base);
  slots_ = slots;
  max_payload_ = max_payload;
  headers_size_ = headers;
  payload_stride_ = stride;
  size_ = size;
  return Status::ok();
}

}  // namespace ringvol
