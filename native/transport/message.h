// A slot as one contiguous message, the form /dev/fuse reads and writes.
//
//   payload - 80: InHeader │ payload - 40: arguments │ payload: data of a WRITE
//   payload - 16: OutHeader                          │ payload: body of a reply
//
// A WRITE has exactly 80 bytes in front of its data and a reply 16, so both ways the data starts on the payload's page
// boundary and the message stays in one piece.
#pragma once

#include <cstdint>
#include <cstring>

#include "abi/fuse_abi.h"
#include "ring/slab.h"
#include "transport/transport.h"

namespace ringvol {

inline constexpr size_t kRequestLead = sizeof(abi::InHeader) + sizeof(abi::WriteIn);
inline constexpr size_t kReplyLead = sizeof(abi::OutHeader);
static_assert(kRequestLead == 80 && kReplyLead == 16);

inline SlotLayout message_layout(const Slab& slab) {
  return {.header_offset = slab.payload_offset() - kRequestLead,
          .header_stride = slab.payload_stride(),
          .arguments_offset = slab.payload_offset() - kRequestLead + sizeof(abi::InHeader),
          .arguments_stride = slab.payload_stride(),
          .data_follows_arguments = true};
}

inline uint8_t* message_buffer(const Slab& slab, Slot slot) { return slab.payload(slot) - kRequestLead; }
inline size_t message_capacity(const Slab& slab) { return kRequestLead + slab.max_payload(); }

// No answer is waited for, and one would be refused.
inline bool has_no_answer(uint32_t opcode) {
  return opcode == abi::kForget || opcode == abi::kBatchForget || opcode == abi::kInterrupt ||
         opcode == abi::kNotifyReply;
}

inline const abi::InHeader& request_header(const Slab& slab, Slot slot) {
  return *reinterpret_cast<const abi::InHeader*>(message_buffer(slab, slot));
}

// Puts the reply header in front of the body. The request's header, 64 bytes further up, stays readable.
inline uint8_t* seal_reply(const Slab& slab, Slot slot, uint32_t length, int error) {
  uint8_t* start = slab.payload(slot) - kReplyLead;
  const abi::OutHeader header{
      .len = static_cast<uint32_t>(kReplyLead) + length, .error = -error, .unique = request_header(slab, slot).unique};
  std::memcpy(start, &header, sizeof(header));
  return start;
}

}  // namespace ringvol
