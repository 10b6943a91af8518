// Killed at every instruction: a child goes through it by single steps, and after each of them the
// shared memory, as a kill there would leave it, is copied and finished by a successor.
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <vector>

#include "tests/unit/intake_bench.h"

using namespace sdr;

using Bench = IntakeBench;

namespace {

// Runs `child` in a process of its own: at_step() after each instruction, at_signal() where it has
// raised SIGUSR1. Returns the steps; 0 where ptrace is not to be had.
template <typename Child, typename AtStep, typename AtSignal>
uint64_t step_through(Child child, AtStep at_step, AtSignal at_signal) {
  fflush(nullptr);
  const pid_t pid = fork();
  if (pid == 0) {
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) < 0) _exit(0);
    raise(SIGSTOP);
    child();
    _exit(0);
  }
  uint64_t steps = 0;
  int status;
  while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
    if (WSTOPSIG(status) == SIGUSR1) at_signal();
    if (WSTOPSIG(status) == SIGTRAP) {
      ++steps;
      at_step();
    }
    ptrace(PTRACE_SINGLESTEP, pid, nullptr, nullptr);
  }
  CHECK(WIFEXITED(status));
  if (steps == 0) MESSAGE("no ptrace here: nothing was killed");
  return steps;
}

// The same ring in other memory, as far as a few small datagrams fill it. False: nothing of it has
// changed since `last` was taken.
constexpr size_t kTouched = 4096;

bool copy_ring(const Bench& from, const Bench& to, std::string* last) {
  std::string now;
  const auto take = [&](const void* area, size_t bytes) {
    now.append(static_cast<const char*>(area), bytes);
  };
  take(&from.ring->head(), sizeof(RingHead));
  take(from.ring->rejects(0), kTouched);
  take(from.ring->data(0), kTouched);
  if (now == *last) return false;
  *last = now;
  memcpy(static_cast<void*>(&to.ring->head()), &from.ring->head(), sizeof(RingHead));
  memcpy(to.ring->rejects(0), from.ring->rejects(0), kTouched);
  memcpy(to.ring->data(0), from.ring->data(0), kTouched);
  for (uint32_t i = 0; i < kBatchMax; ++i) memcpy(to.ring->window(i), from.ring->window(i), 64);
  return true;
}

}  // namespace

TEST_CASE("kill: a Flip holds the old value or the new one after every instruction") {
  struct Shared {
    Flip<Recorded> flip;
    Atomic<uint64_t> begun, done;
  };
  void* place = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(place != MAP_FAILED);
  Shared& shared = *static_cast<Shared*>(place);
  const auto value_of = [](uint64_t n) {
    Recorded r;
    memset(static_cast<void*>(&r), static_cast<int>(n), sizeof r);
    return r;
  };
  uint64_t torn = 0;
  const uint64_t steps = step_through(
      [&] {
        for (uint64_t n = 1; n <= 5; ++n) {
          shared.begun.store(n);
          shared.flip.write(value_of(n));
          shared.done.store(n);
        }
      },
      [&] {
        const Recorded found = shared.flip.read();
        const Recorded before = value_of(shared.done.load());
        const Recorded after = value_of(shared.begun.load());
        torn +=
            memcmp(&found, &before, sizeof found) != 0 && memcmp(&found, &after, sizeof found) != 0;
      },
      [] {});
  CHECK(torn == 0);
  CHECK((steps == 0 || steps > 100));
  munmap(place, 4096);
}

TEST_CASE("kill: a Flip is never read torn while another process writes it") {
  void* place = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(place != MAP_FAILED);
  Flip<Recorded>& flip = *static_cast<Flip<Recorded>*>(place);
  fflush(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    Recorded value;
    for (int n = 1; getppid() == parent;) {
      for (int i = 0; i < 1000; ++i, ++n) {
        memset(static_cast<void*>(&value), n, sizeof value);
        flip.write(value);
      }
    }
    _exit(0);
  }
  uint64_t torn = 0;
  const uint64_t first = flip.sequence();
  while (flip.sequence() == first) {
  }
  for (int i = 0; i < 2000000; ++i) {
    const Recorded found = flip.read();
    Recorded whole;
    memset(static_cast<void*>(&whole), reinterpret_cast<const uint8_t*>(&found)[0], sizeof whole);
    torn += memcmp(&found, &whole, sizeof found) != 0;
  }
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  CHECK(torn == 0);
  munmap(place, 4096);
}

namespace {

// What comes in a batch; those that begin with \xff are no datums.
using Datagrams = std::vector<std::string>;

void finish_after_every_instruction(const std::vector<Datagrams>& batches) {
  Bench live;
  Bench copy;
  std::string expected;
  uint64_t rejects = 0;
  uint64_t wrong = 0;
  std::string first_wrong;
  std::string last;
  const auto check = [&](const char* when) {
    if (!copy_ring(live, copy, &last)) return;
    copy.salvage(7);
    const uint64_t kept = copy.ring->head().reject_head.load() / RejectRecord::size(2);
    if (copy.committed_bytes() == expected && kept == rejects) return;
    if (wrong++ == 0) {
      first_wrong = std::string(when) + ": " + std::to_string(copy.committed_bytes().size()) +
                    " bytes of " + std::to_string(expected.size()) + ", " + std::to_string(kept) +
                    " rejects of " + std::to_string(rejects);
    }
  };
  // The kernel's part: each message is filled in, and then it has its length.
  size_t batch = 0;
  const auto receive = [&] {
    uint32_t i = 0;
    for (const std::string& datagram : batches[batch++]) {
      const bool good = datagram[0] != '\xff';
      live.arrive(i++, datagram);
      if (good) expected += datagram;
      rejects += !good;
      check("while it is received");
    }
  };
  const uint64_t steps = step_through(
      [&] {
        for (const Datagrams& datagrams : batches) {
          live.intake->expect(kBatchMax);
          raise(SIGUSR1);
          const uint32_t count = static_cast<uint32_t>(datagrams.size());
          live.intake->take(count, 7, &live.batch);
          live.intake->commit(count);
        }
      },
      [&] { check("afterwards"); }, receive);
  INFO(first_wrong);
  CHECK(wrong == 0);
  CHECK((steps == 0 || steps > 1000));
}

}  // namespace

TEST_CASE("kill: whatever has been received is finished once, after every instruction") {
  const std::string bad = "\xff\xff";
  std::vector<Datagrams> batches;
  for (int batch = 0; batch < 4; ++batch) {
    const auto datum = [batch](int i) { return Bench::datum(std::to_string(100 * batch + i)); };
    batches.push_back({datum(0), bad, datum(2), bad});
  }
  finish_after_every_instruction(batches);
}

TEST_CASE("kill: the same of what is received in place, and gathered when it is not alike") {
  const auto datum = [](char c) { return Bench::datum(std::string(3, c)); };
  const std::string bad = "\xff\xff\xff\xff";
  finish_after_every_instruction({{datum('a'), datum('b')},
                                  {datum('c'), datum('d')},
                                  {datum('e'), datum('f'), datum('g'), datum('h')},
                                  {datum('i'), bad, datum('j'), datum('k')},
                                  {bad, bad, datum('l'), bad},
                                  {datum('m'), Bench::datum("longer"), datum('n'), bad},
                                  {datum('o'), datum('p')}});
}

TEST_CASE("kill: a successor that is killed itself, at every instruction, has one that finishes") {
  // A batch that is larger than the ring is taken in parts. For this one that is made tiny: datums
  // of 30 KB would take minutes to step through.
  const std::string datum = Bench::datum(std::string(29, 'x'));
  constexpr uint32_t kCount = 7;
  Bench live;
  live.ring->head().data_bytes = 64;
  for (uint32_t i = 0; i < kCount; ++i) live.arrive(i, datum);
  uint64_t wrong = 0;
  std::unique_ptr<Bench> copy = std::make_unique<Bench>();
  for (uint32_t i = 0; i < kCount; ++i) copy->arrive(i, datum);
  std::string last;
  const auto check = [&] {
    const std::string_view now(reinterpret_cast<char*>(&live.ring->head()), sizeof(RingHead));
    if (now == last) return;
    last = now;
    memcpy(static_cast<void*>(&copy->ring->head()), &live.ring->head(), sizeof(RingHead));
    copy->consume_all();  // as the writer does first
    copy->salvage(7);
    wrong += copy->ring->head().committed.read().open.end() != kCount * datum.size();
  };
  const uint64_t steps = step_through([&] { live.salvage(7); }, check, [] {});
  CHECK(wrong == 0);
  CHECK((steps == 0 || steps > 1000));
}
