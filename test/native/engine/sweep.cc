// The nth-operation sweep of a lane: the first thing that can go wrong does, in the next life the second, and so on
// until a life in which nothing was left to go wrong.
//
// After the one fault everything must go on as if nothing had been: what is transient nobody notices, what is hard
// fails the one request that met it. One line `ok NAME` per shape of lane and kind of fault.
#include <signal.h>
#include <unistd.h>

#include <cstdio>

#include "lane.h"
#include "wrap.h"

namespace ringvol::test {
namespace {

constexpr size_t kBlock = 4096;

struct Kind {
  const char* name;
  unsigned Weather::*strikes;
  int errors;  // of requests, at most
};

// A sync that is interrupted is reported, not tried again: the one error that something transient may cause.
const Kind kKinds[] = {
    {"transient", &Weather::transient, 1}, {"hard", &Weather::hard, 1}, {"refuse", &Weather::refuse, 1}};

class Life {
 public:
  Life(const LaneShape& shape, Weather* weather, const Kind& kind) : lane_(shape), weather_(weather), kind_(kind) {}

  void run() {
    set_weather(weather_);
    for (const size_t block : {0u, 1u, 7u}) write(block, static_cast<uint8_t>(block + 1));
    ask(message(abi::kFsync, ++unique_, Bytes(16)), false);
    for (const size_t block : {7u, 0u, 1u}) read(block);
    write(1, 0x77);
    ask(message(abi::kFsync, ++unique_, Bytes(16)), false);
    read(1);
    set_weather(nullptr);
    expect(errors_ <= kind_.errors, std::to_string(errors_) + " requests failed by one fault");
    expect(lane_.core().counters()->in_flight == 0, "nothing is left with us");
    lane_.settle();
    expect(lane_.answers().size() == unique_, "every request has its one answer");
    for (size_t block = 0; block < 8; ++block) compare(block);
  }

 private:
  bool ask(const Bytes& request, bool moves_bytes) {
    lane_.send(request);
    lane_.run(1);
    expect(lane_.closed() == 0, "the lane goes on");
    const int error = lane_.answers().at(unique_);
    if (error == 0) return true;
    ++errors_;
    expect(!moves_bytes || kind_.strikes != &Weather::transient, "what is transient fails no read or write");
    return false;
  }

  void write(size_t block, uint8_t value) {
    // Refused or failed, it may have been stored all the same.
    unknown_[block] = !ask(write_request(++unique_, block * kBlock, Bytes(kBlock, value)), true);
    model_[block] = value;
  }

  void read(size_t block) {
    if (!ask(read_request(++unique_, block * kBlock, kBlock), true)) return;
    expect(unknown_[block] || lane_.body(unique_) == Bytes(kBlock, model_[block]), "a read brings what was written");
  }

  void compare(size_t block) {
    Bytes stored(kBlock);
    expect(pread(lane_.file(), stored.data(), kBlock, static_cast<off_t>(block * kBlock)) == kBlock, "pread");
    expect(unknown_[block] || stored == Bytes(kBlock, model_[block]), "the image holds what was answered");
  }

  TestLane lane_;
  Weather* weather_;
  const Kind& kind_;
  uint64_t unique_ = 0;
  int errors_ = 0;
  uint8_t model_[8] = {};
  bool unknown_[8] = {};
};

// The number of lives that had a fault.
uint64_t sweep(LaneShape shape, const Kind& kind, uint64_t state) {
  for (uint64_t nth = 1;; ++nth) {
    Weather weather;
    weather.state = state;
    weather.nth = nth;
    weather.*kind.strikes = 1;
    shape.on_thread = [&weather] { set_weather(&weather); };
    Life(shape, &weather, kind).run();
    if (weather.times < nth) return nth - 1;
  }
}

// The kernel queues deferred work and then sets its flag; an enter in between finds the work and leaves the flag
// behind.
void stale_flag() {
  TestLane lane({.transport = TransportKind::kClassic});
  Weather weather;
  set_weather(&weather);
  lane.settle();
  weather.stale = true;
  const double before = lane.core().counters()->enters;
  for (int turn = 0; turn < 3; ++turn) expect(lane.core().turn(), "a lane with nothing to do goes to sleep");
  expect(lane.core().counters()->enters - before < LaneCore::kRounds, "and does not look for ever");
  set_weather(nullptr);
}

struct Shape {
  const char* name;
  LaneShape shape;
};

const Shape kShapes[] = {
    {"syscall", {.transport = TransportKind::kSyscall, .memory = false}},
    {"syscall on memory", {.transport = TransportKind::kSyscall, .memory = true}},
    {"classic", {.transport = TransportKind::kClassic, .memory = false}},
    {"classic on memory", {.transport = TransportKind::kClassic, .memory = true}},
    {"linked reads", {.transport = TransportKind::kClassic, .memory = false, .without = {"read-multishot"}}},
};

}  // namespace
}  // namespace ringvol::test

int main() {
  using namespace ringvol::test;
  signal(SIGPIPE, SIG_IGN);
  stale_flag();
  std::printf("ok a flag of deferred work that is left over keeps no lane awake\n");
  for (const Shape& shape : kShapes) {
    for (const Kind& kind : kKinds) {
      const uint64_t lives = sweep(shape.shape, kind, 1) + sweep(shape.shape, kind, 2);
      expect(lives > 0, "something could go wrong");
      std::printf("ok %s, %s: %llu faults, one at a time\n", shape.name, kind.name,
                  static_cast<unsigned long long>(lives));
      std::fflush(stdout);
    }
  }
}
