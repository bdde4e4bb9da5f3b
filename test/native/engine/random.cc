// Lanes in any weather: random requests against a model of the image, from a seed.
//
//   random SEED ROUNDS THREADS
//
// The seed gives the requests, the shape of each lane and the faults that are due; which thread of a pool meets which
// fault is up to the scheduler. Every thread has lanes of its own, as the lanes of a volume have: what they share by
// mistake is for ThreadSanitizer to find.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <thread>

#include "lane.h"
#include "wrap.h"

namespace ringvol::test {
namespace {

constexpr size_t kBlock = 4096;
constexpr size_t kBlocks = TestLane::kFileSize / kBlock;
constexpr int kRequests = 150;
constexpr int kUnknown = -1;  // a byte that a failed write may have changed

struct Pending {
  uint32_t opcode;
  size_t offset = 0;
  Bytes data = {};  // of a WRITE; of a READ only as long
};

class Round {
 public:
  explicit Round(uint64_t seed) : random_(seed), model_(TestLane::kFileSize, 0) {
    weather_.state = seed * 2654435761u + 1;
    constexpr unsigned kWeathers[][3] = {{0, 0, 0}, {15, 0, 0}, {0, 10, 0}, {0, 0, 10}, {10, 5, 5}};
    const auto& percent = kWeathers[pick(5)];
    weather_.transient = percent[0];
    weather_.hard = percent[1];
    weather_.refuse = percent[2];
    const size_t kind = pick(3);
    shape_.transport = kind == 0 ? TransportKind::kSyscall : TransportKind::kClassic;
    // Seldom: such a lane comes back to the test only with a tick.
    shape_.sleeps_in_ring = kind == 1 && pick(8) == 0;
    if (kind == 2) shape_.without = {"read-multishot"};
    shape_.depth = static_cast<uint32_t>(1 + pick(8));
    shape_.max_payload = 2 * kBlock;
    shape_.memory = pick(2) == 0;
    shape_.on_thread = [this] { set_weather(&weather_); };
    closes_ = pick(4) == 0;
  }

  void run() {
    TestLane lane(shape_);
    set_weather(&weather_);
    for (int request = 0; request < kRequests; ++request) {
      if (pending_.size() < 2 * shape_.depth) ask(&lane);
      if (pick(3) == 0 && !pending_.empty()) take(&lane, 1);
    }
    if (closes_) {
      weather_.gone = true;
      lane.send(message(abi::kStatfs, ++unique_, {}));
      lane.run(pending_.size() + 1);
      expect(lane.closed() == ENODEV, "a device that is gone ends the lane");
    } else {
      take(&lane, pending_.size());
      lane.settle();
      expect(lane.answers().size() == asked_, "every request has its one answer");
      expect(lane.core().counters()->in_flight == 0, "nothing is left with us");
    }
    set_weather(nullptr);
    if (!closes_) compare_image(lane.file());
  }

 private:
  size_t pick(size_t below) { return random_() % below; }

  void ask(TestLane* lane) {
    const uint64_t unique = ++unique_;
    const size_t kind = pick(20);
    const size_t block = pick(kBlocks);
    if (kind < 14 && !busy_[block]) {
      const size_t within = pick(kBlock);
      const size_t length = 1 + pick(kBlock - within);
      busy_[block] = true;
      Pending request{.opcode = kind < 7 ? abi::kRead : abi::kWrite, .offset = block * kBlock + within};
      request.data = Bytes(length, static_cast<uint8_t>(random_()));
      lane->send(kind < 7 ? read_request(unique, request.offset, static_cast<uint32_t>(length))
                          : write_request(unique, request.offset, request.data));
      pending_.emplace(unique, request);
    } else if (kind < 16) {
      lane->send(message(abi::kFsync, unique, Bytes(16)));
      pending_.emplace(unique, Pending{.opcode = abi::kFsync});
    } else if (kind < 18) {
      lane->send(message(abi::kForget, unique, Bytes(8)));
      return;
    } else {
      Bytes lie = message(abi::kGetattr, unique, Bytes(16));
      lie[0] = static_cast<uint8_t>(lie[0] + 1 + pick(100));
      lane->send(lie);
      pending_.emplace(unique, Pending{.opcode = abi::kGetattr});
    }
    ++asked_;
  }

  void take(TestLane* lane, size_t answers) {
    lane->run(answers);
    std::erase_if(pending_, [&](const auto& each) {
      const auto& [unique, request] = each;
      const auto found = lane->answers().find(unique);
      if (found == lane->answers().end()) return false;
      judge(request, found->second, lane->body(unique));
      return true;
    });
  }

  void judge(const Pending& request, int error, const Bytes& body) {
    const bool data = request.opcode == abi::kRead || request.opcode == abi::kWrite;
    if (data) busy_[request.offset / kBlock] = false;
    if (request.opcode == abi::kGetattr) return expect(error == EIO, "a lie is EIO");
    const bool excused = weather_.hard + weather_.refuse > 0 || (!data && weather_.transient > 0);
    expect(error == 0 || excused, "errno " + std::to_string(error) + " in fine weather");
    if (!data) return;
    int16_t* known = model_.data() + request.offset;
    for (size_t at = 0; at < request.data.size(); ++at) {
      if (request.opcode == abi::kWrite) {
        known[at] = error == 0 ? int16_t{request.data[at]} : int16_t{kUnknown};
      } else if (error == 0) {
        expect(known[at] == kUnknown || known[at] == body.at(at), "a read brings what was written");
      }
    }
    if (request.opcode == abi::kRead && error == 0) expect(body.size() == request.data.size(), "and all of it");
  }

  void compare_image(int file) {
    Bytes image(TestLane::kFileSize);
    expect(pread(file, image.data(), image.size(), 0) == static_cast<ssize_t>(image.size()), "the image is read");
    for (size_t at = 0; at < image.size(); ++at) {
      expect(model_[at] == kUnknown || model_[at] == image[at], "byte " + std::to_string(at) + " is as written");
    }
  }

  std::mt19937_64 random_;
  Weather weather_;
  LaneShape shape_;
  bool closes_ = false;
  std::vector<int16_t> model_;
  bool busy_[kBlocks] = {};  // a block has one request at a time, so that the model knows their order
  std::map<uint64_t, Pending> pending_;
  uint64_t unique_ = 0;
  size_t asked_ = 0;
};

}  // namespace
}  // namespace ringvol::test

int main(int count, char** words) {
  if (count != 4) {
    std::fprintf(stderr, "usage: random SEED ROUNDS THREADS\n");
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  const auto number = [words](int index) { return std::strtoull(words[index], nullptr, 10); };
  std::vector<std::thread> threads;
  for (unsigned long long thread = 0; thread < number(3); ++thread) {
    threads.emplace_back([=] {
      for (uint64_t round = thread; round < number(2); round += number(3)) {
        ringvol::test::Round(number(1) + round).run();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::printf("%llu rounds\n", number(2));
}
