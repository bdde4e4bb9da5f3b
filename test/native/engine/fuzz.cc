// Any bytes as FUSE messages: one input is a transport and what arrives on it, for libFuzzer and for replay.cc.
//
// An input is a byte that picks the transport, then messages: a length of two bytes and so many bytes (the last may be
// cut). Each message of at least a header gets a number of its own, so that its answer can be told from others.
#include <unistd.h>

#include <cstring>

#include "lane.h"
#include "transport/message.h"
#include "transport/uring.h"

namespace ringvol::test {
namespace {

constexpr size_t kDepth = 4;
constexpr size_t kMaxPayload = 16384;

// Kept between inputs, since slots that hold what came before are part of the test; made anew when it has closed.
TestLane& lane_of(int kind) {
  static std::unique_ptr<TestLane> lanes[3];
  if (lanes[kind] == nullptr || lanes[kind]->closed() != 0) {
    lanes[kind] = nullptr;
    lanes[kind] = std::make_unique<TestLane>(
        LaneShape{.transport = kind == 0 ? TransportKind::kSyscall : TransportKind::kClassic,
                  .depth = kDepth,
                  .max_payload = kMaxPayload,
                  .without = kind == 2 ? std::vector<std::string>{"read-multishot"} : std::vector<std::string>{}});
  }
  lanes[kind]->forget_answers();
  return *lanes[kind];
}

std::vector<Bytes> messages(const uint8_t* data, size_t size) {
  static uint64_t unique = 0;
  std::vector<Bytes> found;
  while (size > 2 && found.size() < 2 * kDepth) {
    const size_t wanted = data[0] | static_cast<size_t>(data[1]) << 8;
    const size_t length = std::min({wanted, size - 2, kRequestLead + kMaxPayload});
    if (length > 0) found.emplace_back(data + 2, data + 2 + length);
    if (length >= sizeof(abi::InHeader)) {
      ++unique;
      std::memcpy(found.back().data() + offsetof(abi::InHeader, unique), &unique, sizeof(unique));
    }
    data += 2 + length;
    size -= 2 + length;
  }
  return found;
}

void over_device(int kind, const std::vector<Bytes>& requests) {
  TestLane& lane = lane_of(kind);
  size_t answers = 0;
  std::vector<uint64_t> lies;
  uint64_t honest = lane.arrived();
  bool ends = false;
  for (const Bytes& request : requests) {
    lane.send(request);
    ends = request.size() < sizeof(abi::InHeader);
    if (ends) break;
    abi::InHeader header;
    std::memcpy(&header, request.data(), sizeof(header));
    const bool answered = !has_no_answer(header.opcode);
    answers += answered ? 1 : 0;
    if (header.len == request.size()) {
      ++honest;
    } else if (answered) {
      lies.push_back(header.unique);
    }
  }
  lane.run(ends ? answers + 1 : answers);
  for (int turn = 0; turn < 1000 && lane.closed() == 0 && lane.arrived() < honest; ++turn) lane.settle();
  expect(lane.closed() == (ends ? EPROTO : 0), "only a message without a header ends the connection");
  if (ends) return;
  expect(lane.arrived() == honest, "what is as long as it says arrives, and nothing else");
  for (const uint64_t unique : lies) expect(lane.answers().at(unique) == EIO, "a wrong length is EIO");
}

// A ring entry as the kernel would have filled it: header, arguments and a payload size from the input.
void over_ring(const uint8_t* data, size_t size) {
  static Ring ring;
  static Slab slab;
  static std::unique_ptr<UringTransport> transport;
  if (transport == nullptr) {
    if (!ring.open({.entries = 16, .sqe128 = true, .without = {}}).fine()) return;
    expect(slab.map(1, kMaxPayload).fine(), "slab");
    ring.register_file(STDERR_FILENO);
    transport = std::make_unique<UringTransport>(STDERR_FILENO, std::vector<uint16_t>{0}, 1, &ring, &slab);
  }
  auto* header = reinterpret_cast<abi::UringRequestHeader*>(slab.header(0));
  std::memcpy(header, data, std::min(size, sizeof(*header)));
  Slot slot = 0;
  Arrivals arrivals{.slots = &slot, .capacity = 1, .count = 0};
  const uint64_t commit = header->entry.commit_id;
  transport->complete(Operation::kRequest, 0, 0, 0, &arrivals);
  if (arrivals.count == 1) {
    abi::InHeader in;
    std::memcpy(&in, header->in_out, sizeof(in));
    expect(header->entry.payload_sz <= kMaxPayload, "the payload fits");
    expect(in.len >= sizeof(in) && in.len <= sizeof(in) + sizeof(header->op_in) + kMaxPayload, "so does the message");
    expect(in.opcode != abi::kWrite || in.len == kRequestLead + header->entry.payload_sz, "a WRITE brings its data");
    transport->reply(0, 0);
  }
  abi::OutHeader out;
  std::memcpy(&out, header->in_out, sizeof(out));
  expect(io_uring_sq_ready(ring.raw()) == 1 && out.unique == commit, "one answer is queued");
  expect(out.error == (arrivals.count == 1 ? 0 : -EIO), "it is EIO for what did not arrive");
  ring.raw()->sq.sqe_tail = ring.raw()->sq.sqe_head;  // never entered: the entry is taken back
}

}  // namespace
}  // namespace ringvol::test

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const int kind = data[0] % 4;
  if (kind == 3) {
    ringvol::test::over_ring(data + 1, size - 1);
  } else {
    ringvol::test::over_device(kind, ringvol::test::messages(data + 1, size - 1));
  }
  return 0;
}
