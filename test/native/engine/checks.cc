// What the engine does with messages that lie and rings that are asked for too much: one line `ok NAME` per check.
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <thread>

#include "lane.h"
#include "ring/busy_poll.h"
#include "ring/ring_sleep.h"
#include "transport/uring.h"

namespace ringvol::test {
namespace {

int completion_of(Ring* ring, unsigned opcode, uint8_t flags = 0) {
  io_uring_sqe* sqe = ring->sqe(7);
  sqe->opcode = static_cast<uint8_t>(opcode);
  sqe->flags = flags;
  sqe->fd = -1;
  int result = 1;
  for (int look = 0; look < 1000 && result == 1; ++look) {
    expect(ring->enter().fine(), "enter");
    ring->reap([&](uint64_t, int value, uint32_t) { result = value; });
  }
  return result;
}

bool has(const std::vector<std::string>& names, const char* name) {
  for (const std::string& each : names) {
    if (each == name) return true;
  }
  return false;
}

void ring_refuses_what_is_not_listed(bool* skipped) {
  Ring ring;
  expect(ring.open({.entries = 8, .sqe128 = false, .without = {}}).fine(), "open");
  *skipped = !has(ring.features(), "restrictions");
  if (*skipped) return;
  for (const unsigned opcode : {IORING_OP_NOP, IORING_OP_OPENAT, IORING_OP_CONNECT, IORING_OP_SENDMSG, IORING_OP_SPLICE,
                                IORING_OP_UNLINKAT, IORING_OP_PROVIDE_BUFFERS, IORING_OP_FILES_UPDATE}) {
    expect(completion_of(&ring, opcode) == -EACCES, "opcode " + std::to_string(opcode) + " is EACCES");
  }
  expect(completion_of(&ring, IORING_OP_READ) == -EBADF, "a read gets as far as its descriptor");
  expect(completion_of(&ring, IORING_OP_READ, IOSQE_ASYNC) == -EACCES, "a flag that is not used is EACCES");
  int fd = ring.event_fd();
  expect(io_uring_register(static_cast<unsigned>(ring.raw()->ring_fd), IORING_REGISTER_EVENTFD, &fd, 1) == -EACCES,
         "nothing else is registered");
}

void ring_without_restrictions_takes_anything(bool*) {
  Ring ring;
  expect(ring.open({.entries = 8, .sqe128 = false, .without = {"restrictions"}}).fine(), "open");
  expect(has(ring.missing(), "restrictions"), "it is said to be missing");
  expect(completion_of(&ring, IORING_OP_NOP) == 0, "a no-operation is done");
}

// Whether it waits shows on a ring that has work already: one that waits sees it, one that does not is not even asked.
void polls_after_short_waits_only(bool*) {
  Ring ring;
  expect(ring.open({.entries = 8, .sqe128 = false, .without = {"restrictions"}}).fine(), "open");
  const auto make_work = [&ring] {
    ring.sqe(7)->opcode = IORING_OP_NOP;
    expect(ring.enter().fine() && ring.has_work(), "a completion that nobody took is work");
  };
  BusyPoll poll;
  make_work();
  expect(!poll.wait(ring), "nobody waits before there was a wait");
  // The thread may lose its CPU between the two calls, and then that was no short wait.
  bool waits = false;
  for (int tries = 0; tries < 1000 && !waits; ++tries) {
    poll.ended();
    waits = poll.wait(ring);
  }
  expect(waits, "after a short wait it waits, and sees the work");
  ring.reap([](uint64_t, int, uint32_t) {});
  expect(!ring.has_work() && !poll.wait(ring), "without work it gives up");
  std::this_thread::sleep_for(2 * BusyPoll::kLimit);
  poll.ended();
  make_work();
  expect(!poll.wait(ring), "after a long wait it does not wait");
}

// A sleep with nothing to end it but the tick, and ticks that are not of this turn, or none at all.
void sleeps_until_the_tick(bool*) {
  Ring ring;
  expect(ring.open({.entries = 8, .sqe128 = false, .without = {}}).fine(), "open");
  RingSleep sleep(&ring);
  const auto sleep_once = [&] {
    sleep.arm();
    expect(ring.enter_and_wait().fine(), "the enter waits");
    return ring.reap([&](uint64_t data, int result, uint32_t) {
      expect(UserData::operation(data) == Operation::kTick, "the tick is all there is");
      sleep.tick(UserData::slot(data), result);
    });
  };
  sleep.turn_begins();
  expect(!sleep.over(), "a turn begins with leave to sleep");
  expect(sleep_once() == 1 && sleep.over(), "the tick ends the sleep");
  sleep.turn_begins();
  expect(!sleep.over(), "only that of one turn");
  sleep.arm();
  sleep.turn_begins();
  expect(sleep_once() == 1 && !sleep.over(), "a tick from an earlier turn ends nothing");
  expect(sleep_once() == 1 && sleep.over(), "but the next one does");
  sleep.turn_begins();
  sleep.tick(0, -EINVAL);
  expect(sleep.over(), "where the kernel refuses to tick nobody sleeps");
  sleep.turn_begins();
  expect(sleep.over(), "nor ever again");
}

// The requests come from another thread, one by one, while the lane sleeps: it is woken in the ring, so that many are
// served in one turn. A lane that does not sleep needs at least a turn for each.
void serves_while_it_sleeps(bool*) {
  constexpr uint64_t kRequests = 200;
  TestLane lane({.transport = TransportKind::kClassic, .sleeps_in_ring = true});
  lane.send(read_request(1, 0, 512));
  lane.run(1);
  for (uint64_t unique = 2; unique <= kRequests; ++unique) lane.expect_later(read_request(unique, 0, 512));
  std::thread sender([&lane] {
    for (uint64_t unique = 2; unique <= kRequests; ++unique) {
      std::this_thread::sleep_for(std::chrono::microseconds(200));
      lane.send_now(read_request(unique, 0, 512));
    }
  });
  uint64_t turns = 0;
  while (lane.answers().size() < kRequests) {
    const size_t before = lane.answers().size();
    lane.turn();
    if (lane.answers().size() > before) ++turns;
  }
  sender.join();
  expect(turns < kRequests / 2, "a turn serves many: " + std::to_string(turns) + " turns");
  expect(lane.core().counters()->in_flight == 0, "nothing is left with us");
}

// Where the ring's announcements cannot be switched off, the tick of a sleep would be one, and end in the next sleep.
void stays_asleep_without_the_flag(bool*) {
  TestLane lane({.transport = TransportKind::kClassic, .without = {"taskrun-flag"}, .sleeps_in_ring = true});
  lane.send(read_request(1, 0, 512));
  lane.run(1);
  lane.settle();
  eventfd_t announced = 0;
  eventfd_read(lane.core().wake_fd(), &announced);
  lane.turn();
  expect(eventfd_read(lane.core().wake_fd(), &announced) != 0, "a turn with nothing to do brings no other");
}

// `length`: what the header of a request of the right size is made to say.
void lies(TransportKind transport, const std::vector<std::string>& without) {
  TestLane lane({.transport = transport, .without = without});
  uint64_t unique = 1;
  for (const uint32_t length : {0u, 1u, 39u, 40u, 79u, 81u, 4096u, 16384u, 0x7fffffffu, 0xffffffffu}) {
    for (const uint32_t opcode : {1u, 15u, 16u, 20u, 26u, 99u, 0xffffffffu}) {
      Bytes request = message(opcode, ++unique, Bytes(40, 0xee));
      std::memcpy(request.data(), &length, sizeof(length));
      lane.send(request);
      lane.run(1);
      expect(lane.closed() == 0 && lane.answers().at(unique) == EIO, "a wrong length is EIO");
    }
    Bytes forget = message(abi::kForget, ++unique, Bytes(8));
    std::memcpy(forget.data(), &length, sizeof(length));
    lane.send(forget);
    lane.settle();
    expect(lane.answers().count(unique) == 0, "FORGET is never answered");
  }
  expect(lane.arrived() == 0, "none of them reached the dispatcher");
  lane.send(write_request(++unique, 4096, Bytes(512, 0x11)));
  lane.run(1);
  expect(lane.answers().at(unique) == 0, "the slots are all there still");
}

void short_messages(TransportKind transport, const std::vector<std::string>& without) {
  for (const size_t length : {1u, 4u, 16u, 39u}) {
    TestLane lane({.transport = transport, .without = without});
    lane.send(Bytes(length, 0xee));
    for (int turn = 0; turn < 1000 && lane.closed() == 0; ++turn) lane.settle();
    expect(lane.closed() == EPROTO, "what has no header ends the connection");
    expect(lane.arrived() == 0 && lane.answers().empty(), "and nothing else");
  }
}

void end_waits_for_pool(bool*) {
  TestLane lane({.transport = TransportKind::kSyscall, .on_thread = [] { usleep(200'000); }});
  lane.send(message(abi::kFsync, 1, Bytes(16)));
  lane.core().turn();
  expect(lane.arrived() == 1 && lane.answers().empty(), "a thread has it");
  expect(lane.end(), "the end waits for a thread that still works on the file");
}

struct Entry {
  uint32_t opcode;
  uint32_t arguments;  // bytes that the header counts besides header and payload
  uint32_t payload;
  bool taken;
};

// The uring transport on a ring that is never entered: what it would send is read from the submission queue.
void uring_entries(bool* skipped) {
  Ring ring;
  *skipped = !ring.open({.entries = 64, .sqe128 = true, .without = {}}).fine();
  if (*skipped) return;
  ring.register_file(STDIN_FILENO);
  Slab slab;
  expect(slab.map(4, 16384).fine(), "slab");
  UringTransport transport(STDIN_FILENO, {0}, 4, &ring, &slab);
  const Entry entries[] = {
      {abi::kWrite, 40, 512, true},        {abi::kWrite, 39, 512, false},   {abi::kWrite, 128, 512, false},
      {abi::kWrite, 40, 16384, true},      {abi::kWrite, 40, 16385, false}, {abi::kLookup, 0, 7, true},
      {abi::kLookup, 1, 7, false},         {abi::kRead, 40, 0, true},       {abi::kRead, 129, 0, false},
      {abi::kFsync, 0xffffff00, 0, false}, {0xffffffff, 128, 16384, true},  {abi::kRead, 0, 0xffffffff, false}};
  uint64_t commit = 100;
  for (const Entry& entry : entries) {
    auto* header = reinterpret_cast<abi::UringRequestHeader*>(slab.header(1));
    abi::InHeader in{};
    in.len = static_cast<uint32_t>(sizeof(in)) + entry.arguments + entry.payload;
    in.opcode = entry.opcode;
    in.unique = ++commit;
    std::memcpy(header->in_out, &in, sizeof(in));
    header->entry.commit_id = commit;
    header->entry.payload_sz = entry.payload;
    uint32_t slots[4];
    Arrivals arrivals{.slots = slots, .capacity = 4, .count = 0};
    const unsigned queued = io_uring_sq_ready(ring.raw());
    transport.complete(Operation::kRequest, 1, 0, 0, &arrivals);
    const std::string what = "opcode " + std::to_string(entry.opcode) + " with " + std::to_string(entry.payload);
    expect((arrivals.count == 1) == entry.taken, what + (entry.taken ? " arrives" : " does not arrive"));
    expect(io_uring_sq_ready(ring.raw()) - queued == (entry.taken ? 0u : 1u), what + " has one way to go");
    if (entry.taken) continue;
    abi::OutHeader out;
    std::memcpy(&out, header->in_out, sizeof(out));
    expect(out.error == -EIO && out.unique == commit && out.len == sizeof(out), what + " is answered EIO");
  }
}

struct Check {
  const char* name;
  void (*run)(bool* skipped);
};

const Check kChecks[] = {
    {"a ring refuses operations, flags and registrations that ringvol does not use", ring_refuses_what_is_not_listed},
    {"a ring without restrictions takes anything", ring_without_restrictions_takes_anything},
    {"a lane polls only where the last wait was short", polls_after_short_waits_only},
    {"a lane that sleeps in its ring is woken by the tick of its turn", sleeps_until_the_tick},
    {"a lane that sleeps in its ring is woken by a request, and serves it there", serves_while_it_sleeps},
    {"a lane that cannot silence its ring does not sleep there", stays_asleep_without_the_flag},
    {"syscall: a message of another length than its header says is EIO",
     [](bool*) { lies(TransportKind::kSyscall, {}); }},
    {"classic: a message of another length than its header says is EIO",
     [](bool*) { lies(TransportKind::kClassic, {}); }},
    {"linked reads: a message of another length than its header says is EIO",
     [](bool*) { lies(TransportKind::kClassic, {"read-multishot"}); }},
    {"syscall: a message without a header ends the connection",
     [](bool*) { short_messages(TransportKind::kSyscall, {}); }},
    {"classic: a message without a header ends the connection",
     [](bool*) { short_messages(TransportKind::kClassic, {}); }},
    {"syscall: a lane ends when no thread works on its file any more", end_waits_for_pool},
    {"uring: an entry whose parts do not add up is EIO", uring_entries},
};

}  // namespace
}  // namespace ringvol::test

int main() {
  signal(SIGPIPE, SIG_IGN);
  for (const ringvol::test::Check& check : ringvol::test::kChecks) {
    std::fprintf(stderr, "# %s\n", check.name);
    bool skipped = false;
    check.run(&skipped);
    std::printf("%s %s\n", skipped ? "skip" : "ok", check.name);
    std::fflush(stdout);
  }
}
