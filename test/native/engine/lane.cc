// Sends, turns, dispatches and collects; see lane.h.
#include "lane.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace ringvol::test {
namespace {

// An answer that has not come by then never will: an operation on memory takes microseconds, sanitizers included.
constexpr int kPatienceMilliseconds = 20000;

template <typename Struct>
Struct get(const Bytes& bytes, size_t at) {
  Struct value;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

template <typename Struct>
Bytes bytes_of(const Struct& value) {
  Bytes bytes(sizeof(value));
  std::memcpy(bytes.data(), &value, sizeof(value));
  return bytes;
}

}  // namespace

void fail(const std::string& why) {
  std::fprintf(stderr, "failed: %s\n", why.c_str());
  std::abort();
}

void expect(bool condition, const std::string& why) {
  if (!condition) fail(why);
}

Bytes message(uint32_t opcode, uint64_t unique, const Bytes& rest) {
  abi::InHeader header{};
  header.len = static_cast<uint32_t>(sizeof(header) + rest.size());
  header.opcode = opcode;
  header.unique = unique;
  header.nodeid = 2;
  Bytes bytes = bytes_of(header);
  bytes.insert(bytes.end(), rest.begin(), rest.end());
  return bytes;
}

Bytes read_request(uint64_t unique, uint64_t offset, uint32_t size) {
  abi::ReadIn in{};
  in.offset = offset;
  in.size = size;
  return message(abi::kRead, unique, bytes_of(in));
}

Bytes write_request(uint64_t unique, uint64_t offset, const Bytes& data) {
  abi::WriteIn in{};
  in.offset = offset;
  in.size = static_cast<uint32_t>(data.size());
  Bytes rest = bytes_of(in);
  rest.insert(rest.end(), data.begin(), data.end());
  return message(abi::kWrite, unique, rest);
}

TestLane::TestLane(const LaneShape& shape) : shape_(shape) {
  int ends[2];
  expect(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0, "socketpair");
  kernel_ = Fd(ends[0]);
  device_ = Fd(ends[1]);
  expect(fcntl(kernel_.get(), F_SETFL, O_NONBLOCK) == 0, "fcntl");
  file_ = Fd(memfd_create("volume", MFD_CLOEXEC));
  expect(file_.valid() && ftruncate(file_.get(), kFileSize) == 0, "memfd");
  loop_.on_thread = shape.on_thread;
  core_ = std::make_unique<LaneCore>(&loop_, LaneCore::Events{.batch = [this](uint32_t count) { dispatch(count); },
                                                              .closed = [this](int error) { closed_ = error; },
                                                              .answered = [] {}});
  LaneOptions options;
  options.transport = shape.transport;
  options.device = device_.get();
  options.depth = shape.depth;
  options.max_payload = shape.max_payload;
  options.has_file = true;
  options.file = {.fd = file_.get(), .direct_fd = -1, .alignment = 1, .memory = shape.memory};
  options.without = shape.without;
  options.sleeps_in_ring = shape.sleeps_in_ring;
  if (Status status = core_->open(options); !status.fine())
    fail(std::string(status.call) + ": " + strerror(status.error));
  expect(core_->start().fine(), "start");
}

TestLane::~TestLane() {
  if (!ended_) end();
}

bool TestLane::end() {
  ended_ = true;
  bool idle = false;
  const bool settled = core_->shut_down([&idle] { idle = true; });
  while (!idle) run_finished(&loop_, true);
  join_all(&loop_);
  return settled;
}

void TestLane::send(const Bytes& request) {
  expect_later(request);
  send_now(request);
}

void TestLane::expect_later(const Bytes& request) {
  if (request.size() >= sizeof(abi::InHeader)) sent_[get<abi::InHeader>(request, 0).unique] = request;
}

void TestLane::send_now(const Bytes& request) {
  expect(::send(kernel_.get(), request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size()),
         "the device takes a message");
}

void TestLane::run(size_t answers) {
  const size_t wanted = answers_.size() + answers;
  for (int waited = 0; answers_.size() < wanted && closed_ == 0; ++waited) {
    turn();
    if (answers_.size() >= wanted || closed_ != 0) return;
    expect(waited < kPatienceMilliseconds, std::to_string(wanted - answers_.size()) + " answers never came");
    pollfd readable{.fd = kernel_.get(), .events = POLLIN, .revents = 0};
    poll(&readable, 1, 1);
  }
}

void TestLane::turn() {
  core_->turn();
  run_finished(&loop_, false);
  collect();
}

void TestLane::settle() {
  for (int time = 0; time < 3; ++time) turn();
}

void TestLane::forget_answers() {
  answers_.clear();
  bodies_.clear();
  sent_.clear();
}

// What the dispatcher sees is what was sent, and only once.
void TestLane::dispatch(uint32_t count) {
  const Slab& slab = core_->slab();
  const SlotLayout layout = core_->layout();
  for (uint32_t index = 0; index < count; ++index) {
    const Slot slot = core_->arrived()[index];
    const uint8_t* start = slab.base() + layout.header_offset + slot * layout.header_stride;
    abi::InHeader header;
    std::memcpy(&header, start, sizeof(header));
    const auto found = sent_.find(header.unique);
    expect(found != sent_.end(), "a request arrives that was not sent, or twice");
    const Bytes request = found->second;
    expect(header.len == request.size() && std::memcmp(start, request.data(), request.size()) == 0,
           "a request arrives as it was sent");
    sent_.erase(found);
    ++arrived_;
    const auto row = static_cast<size_t>(core_->counters()->action_rows);
    core_->rows()[row] = answer_to(slot, request);
    core_->counters()->action_rows += 1;
  }
}

// The rules of src/dispatcher/ for what moves data; all else is ENOSYS.
ActionRow TestLane::answer_to(Slot slot, const Bytes& request) const {
  const auto row = [slot](Action action, double length, double offset) {
    return ActionRow{
        .slot = static_cast<double>(slot), .action = static_cast<double>(action), .length = length, .offset = offset};
  };
  const auto header = get<abi::InHeader>(request, 0);
  const size_t arguments = request.size() - sizeof(header);
  switch (header.opcode) {
    case abi::kForget:
    case abi::kBatchForget:
    case abi::kInterrupt:
    case abi::kNotifyReply:
      return row(Action::kRelease, 0, 0);
    case abi::kFsync:
    case abi::kFlush:
      return row(Action::kSyncFile, 0, 0);
    case abi::kRead: {
      if (arguments < sizeof(abi::ReadIn)) return row(Action::kError, EIO, 0);
      const auto in = get<abi::ReadIn>(request, sizeof(header));
      if (in.offset >= kFileSize || in.size == 0) return row(Action::kReply, 0, 0);
      const uint64_t length = std::min<uint64_t>(in.size, kFileSize - in.offset);
      if (length > shape_.max_payload) return row(Action::kError, EINVAL, 0);
      return row(Action::kReadFile, static_cast<double>(length), static_cast<double>(in.offset));
    }
    case abi::kWrite: {
      if (arguments < sizeof(abi::WriteIn)) return row(Action::kError, EIO, 0);
      const auto in = get<abi::WriteIn>(request, sizeof(header));
      if (in.size > arguments - sizeof(in) || in.size > shape_.max_payload) return row(Action::kError, EIO, 0);
      if (in.offset >= kFileSize || in.size == 0) return row(Action::kError, ENOSPC, 0);
      const uint64_t length = std::min<uint64_t>(in.size, kFileSize - in.offset);
      return row(Action::kWriteFile, static_cast<double>(length), static_cast<double>(in.offset));
    }
    default:
      return row(Action::kError, ENOSYS, 0);
  }
}

void TestLane::collect() {
  Bytes reply(sizeof(abi::OutHeader) + shape_.max_payload + Slab::kPage);
  while (kernel_.valid()) {
    const ssize_t length = recv(kernel_.get(), reply.data(), reply.size(), MSG_DONTWAIT);
    if (length <= 0) return;
    expect(static_cast<size_t>(length) >= sizeof(abi::OutHeader), "an answer has a header");
    const auto header = get<abi::OutHeader>(reply, 0);
    expect(header.len == static_cast<uint32_t>(length), "an answer is as long as it says");
    expect(header.error <= 0 && header.error > -4096, "an answer's error is an errno");
    expect(header.error == 0 || header.len == sizeof(header), "an error has no body");
    expect(answers_.emplace(header.unique, -header.error).second, "a request is answered once");
    bodies_[header.unique] = Bytes(reply.begin() + sizeof(header), reply.begin() + length);
  }
}

}  // namespace ringvol::test
