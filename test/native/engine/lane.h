// A lane of the engine without Node and without a kernel: a socket stands in for /dev/fuse, a short function for the
// dispatcher.
//
// SOCK_SEQPACKET keeps messages apart as the device does, and lets a test send what no kernel would. Whatever reaches
// the dispatcher is compared with what was sent, byte for byte; every answer is counted against its request.
#pragma once

#include <uv.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "abi/fuse_abi.h"
#include "node/lane_core.h"

namespace ringvol::test {

using Bytes = std::vector<uint8_t>;

struct LaneShape {
  TransportKind transport = TransportKind::kSyscall;
  uint32_t depth = 4;
  size_t max_payload = 16384;
  bool memory = true;  // file I/O inline
  std::vector<std::string> without = {};
  bool sleeps_in_ring = false;
  std::function<void()> on_thread = [] {};  // first thing on each thread of the pool
};

// Ends the program with the reason: whatever the test looked for has happened.
[[noreturn]] void fail(const std::string& why);
void expect(bool condition, const std::string& why);

// Header, arguments, data; the length is right until a test makes it wrong.
Bytes message(uint32_t opcode, uint64_t unique, const Bytes& rest);
Bytes read_request(uint64_t unique, uint64_t offset, uint32_t size);
Bytes write_request(uint64_t unique, uint64_t offset, const Bytes& data);

class TestLane {
 public:
  static constexpr size_t kFileSize = 65536;

  explicit TestLane(const LaneShape& shape);
  ~TestLane();

  void send(const Bytes& request);
  // The same in two steps: the second may be taken by another thread.
  void expect_later(const Bytes& request);
  void send_now(const Bytes& request);
  // Turns until `answers` more answers have come or the lane has closed; the number of turns is bounded.
  void run(size_t answers);
  // One turn, and what it answered.
  void turn();
  // A few turns in which nothing is expected.
  void settle();
  // The end of the lane, which the destructor else brings; whether its operations on the file had ended by then.
  bool end();

  int closed() const { return closed_; }
  uint64_t arrived() const { return arrived_; }
  const std::map<uint64_t, int>& answers() const { return answers_; }  // unique → errno, 0 for success
  const Bytes& body(uint64_t unique) { return bodies_[unique]; }
  void forget_answers();
  LaneCore& core() { return *core_; }
  int file() const { return file_.get(); }
  void close_device() { kernel_.reset(); }

 private:
  void dispatch(uint32_t count);
  ActionRow answer_to(Slot slot, const Bytes& request) const;
  void collect();

  uv_loop_t loop_;
  Fd kernel_;  // the other end of the device
  Fd device_;
  Fd file_;
  LaneShape shape_;
  std::map<uint64_t, Bytes> sent_;
  std::map<uint64_t, int> answers_;
  std::map<uint64_t, Bytes> bodies_;
  uint64_t arrived_ = 0;
  int closed_ = 0;
  bool ended_ = false;
  std::unique_ptr<LaneCore> core_;
};

}  // namespace ringvol::test
