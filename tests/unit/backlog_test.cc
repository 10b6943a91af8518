// Staleness and pacing of what waited in the socket, with both clocks played by the test.
#include "relay/backlog.h"

#include <doctest/doctest.h>

#include "relay/kernel_drops.h"

using namespace sdr;

namespace {

constexpr int64_t kMs = 1000000;
constexpr int64_t kSecond = 1000 * kMs;
constexpr int64_t kStart = 1800000000 * kSecond;  // the wall clock when the socket is taken

// A relay that works without cost, and a queue of datagrams `interval_ns` apart up to kStart.
struct Bench {
  explicit Bench(bool held = true, uint64_t catch_up_ms = 5000)
      : backlog(held, catch_up_ms, {kStart, 0}) {}

  Now now() const { return {kStart + elapsed_ns + step_ns, elapsed_ns}; }
  bool is_live(int64_t first_ns) const { return backlog.is_live(first_ns, now().wall_ns); }
  int64_t relay_from(int64_t first_ns, int64_t last_ns) {
    return backlog.relay_from({first_ns, last_ns, INT64_MAX}, now());
  }
  int64_t pause(int64_t first_ns, int64_t last_ns, bool relayed = true, bool fills = false) {
    return backlog.pause_ns({first_ns, last_ns, INT64_MAX}, relayed, fills, now());
  }

  // Hands on everything from `first_ns` on that came in before now, `work_ns` to a batch, and what
  // comes meanwhile; returns how long that took, in ns.
  int64_t catch_up(int64_t first_ns, int64_t interval_ns, int64_t work_ns = 0,
                   int64_t oversleep_ns = 0) {
    const int64_t began = elapsed_ns;
    for (int64_t next = first_ns;;) {
      int64_t last = next;
      uint32_t count = 1;
      while (count < backlog.batch_max() && last + interval_ns <= now().wall_ns) {
        last += interval_ns;
        ++count;
      }
      if (is_live(next)) return elapsed_ns - began;
      if (count > batch_most) batch_most = count;
      CHECK(relay_from(next, last) <= next);
      elapsed_ns += work_ns;
      const int64_t pause_ns = pause(next, last);
      CHECK(pause_ns <= Backlog::kPauseMaxNs);
      if (pause_ns > 0) {
        ++pauses;
        elapsed_ns += pause_ns + oversleep_ns;
      }
      next = last + interval_ns;
      if (elapsed_ns - began > 100 * kSecond) return -1;
    }
  }

  Backlog backlog;
  int64_t elapsed_ns = 0;
  int64_t step_ns = 0;
  uint32_t batch_most = 0;
  int pauses = 0;
};

}  // namespace

TEST_CASE("backlog: what is young is live, what is old or of the future is looked at") {
  Bench b(false);
  CHECK(b.is_live(kStart));
  CHECK(b.is_live(kStart - Backlog::kOldNs + 1));
  CHECK_FALSE(b.is_live(kStart - Backlog::kOldNs));
  CHECK_FALSE(b.is_live(kStart + 1));
  CHECK(b.backlog.batch_max() == kBatchMax);
}

TEST_CASE("backlog: a held socket's first batch is one datagram, and looked at") {
  Bench b;
  CHECK(b.backlog.batch_max() == 1);
  CHECK_FALSE(b.is_live(kStart));
  CHECK(b.pause(kStart, kStart) == 0);
  CHECK(b.is_live(kStart));
  CHECK(b.backlog.batch_max() == kBatchMax);
}

TEST_CASE("backlog: a datagram that came without a time does not hide what is behind it") {
  Bench b(true, 0);
  b.elapsed_ns = kMs;
  const int64_t asked = b.now().wall_ns;
  CHECK(b.relay_from(asked, asked) == kStart);
  CHECK(b.backlog.pause_ns({asked, asked, asked}, true, false, b.now()) == 0);
  CHECK_FALSE(b.is_live(kStart - 1));
  CHECK(b.relay_from(kStart - 1, kStart - 1) == kStart);
  CHECK(b.backlog.pause_ns({asked - 1, asked - 1, asked}, true, false, b.now()) == 0);
  CHECK(b.is_live(asked));
}

TEST_CASE("backlog: an empty socket ends it") {
  Bench b;
  b.backlog.end();
  CHECK(b.is_live(kStart));
  CHECK(b.backlog.batch_max() == kBatchMax);
}

TEST_CASE("backlog: at most 8 times the pace at which it came in, whatever that was") {
  for (int64_t interval_ns : {5 * kMs, kMs, kMs / 5, kMs / 20, kMs / 200}) {
    CAPTURE(interval_ns);
    Bench b;
    const int64_t took = b.catch_up(kStart - kSecond, interval_ns);
    // A second of backlog, and what comes meanwhile: 1/8 + 1/8 of that + …
    CHECK(took >= kSecond / 7 * 90 / 100);
    CHECK(took <= kSecond / 7 * 105 / 100);
    CHECK(b.pauses > 0);
  }
}

TEST_CASE("backlog: a batch is what came in within some milliseconds") {
  Bench slow;
  slow.catch_up(kStart - kSecond, 10 * kMs);
  CHECK(slow.batch_most <= 2);
  Bench usual;
  usual.catch_up(kStart - kSecond, kMs);
  CHECK(usual.batch_most >= 4);
  CHECK(usual.batch_most <= 8);
  Bench fast;
  fast.catch_up(kStart - kSecond, kMs / 100);
  CHECK(fast.batch_most == kBatchMax);
}

TEST_CASE("backlog: who cannot go 8 times as fast is not paused") {
  Bench b;
  const int64_t interval_ns = kMs / 50;
  // Half as fast again as they come in.
  const int64_t took = b.catch_up(kStart - kSecond, interval_ns, interval_ns * 64 * 2 / 3);
  CHECK(took > 0);
  CHECK(b.pauses <= 8);  // before batches are full
  CHECK(took < 4 * kSecond);
}

TEST_CASE("backlog: pauses that last longer than asked do not stop it from shrinking") {
  for (int64_t oversleep_ns : {kMs / 10, kMs, 10 * kMs, 100 * kMs}) {
    CAPTURE(oversleep_ns);
    Bench b;
    const int64_t took = b.catch_up(kStart - kSecond, kMs / 5, 0, oversleep_ns);
    CHECK(took > 0);
    CHECK(took < 3 * kSecond);
  }
}

TEST_CASE("backlog: what is older than catch_up is stale, to the nanosecond, and not paced") {
  Bench b(true, 5000);
  const int64_t first = kStart - 9 * kSecond;
  CHECK(b.relay_from(first, first) == kStart - 5 * kSecond);
  CHECK(b.pause(first, first + kSecond, false) == 0);
  CHECK(b.pause(first + kSecond, first + 3 * kSecond, false) == 0);
  // The first batch that is relayed begins a pace of its own.
  CHECK(b.pause(first + 4 * kSecond, first + 4 * kSecond) == 0);
  CHECK(b.pause(first + 4 * kSecond + 8 * kMs, first + 4 * kSecond + 80 * kMs) == 10 * kMs);
}

TEST_CASE("backlog: catch_up 0 is what came before the socket was taken, and nothing later") {
  Bench b(true, 0);
  CHECK(b.relay_from(kStart - kMs, kStart - kMs) == kStart);
  CHECK(b.pause(kStart - kMs, kStart - 1, false) == 0);
  CHECK_FALSE(b.is_live(kStart - 1));  // young, but from before
  b.elapsed_ns = 5 * kMs;
  CHECK(b.relay_from(kStart - 1, kStart + kMs) == kStart);
  CHECK(b.pause(kStart - 1, kStart + kMs) == 0);
  CHECK(b.is_live(kStart + kMs));
  b.elapsed_ns = 10 * kSecond;  // the relay was stopped
  CHECK_FALSE(b.is_live(kStart + kMs));
  CHECK(b.relay_from(kStart + kMs, kStart + kMs) == INT64_MIN);
  // A socket of its own has no before, and a clock set back makes it meaningless.
  Bench own(false, 0);
  CHECK(own.relay_from(kStart - kSecond, kStart) == INT64_MIN);
  Bench back(true, 0);
  back.step_ns = -kSecond;
  CHECK(back.relay_from(kStart - 2 * kSecond, kStart - 2 * kSecond) == INT64_MIN);
}

TEST_CASE("backlog: a clock set forward makes nothing stale that is not") {
  Bench b(false);
  b.elapsed_ns = 3600 * kSecond;
  const int64_t before = b.now().wall_ns - kMs;
  b.step_ns = 86400 * kSecond;
  CHECK_FALSE(b.is_live(before));
  CHECK(b.relay_from(before, before) <= before);
  // A minute of waiting is one, all the same.
  b.elapsed_ns += 60 * kSecond;
  CHECK(b.relay_from(before, before) == before + kMs + 55 * kSecond);
  // What came after the step is judged by the clock as it is.
  CHECK(b.relay_from(b.now().wall_ns - kSecond, b.now().wall_ns) == b.now().wall_ns - 5 * kSecond);
  CHECK(b.pause(before, b.now().wall_ns) == 0);
  b.backlog.note_clocks(b.now());
  CHECK(b.relay_from(before, before) == b.now().wall_ns - 5 * kSecond);
}

TEST_CASE("backlog: a clock set back, or receive times that jump, pause nobody for long") {
  Bench b;
  const int64_t first = kStart - kSecond;
  CHECK(b.pause(first, first) == 0);
  CHECK(b.pause(first + kMs, first + 900 * kMs) <= Backlog::kPauseMaxNs);
  CHECK(b.pause(first, first) == 0);  // older than the last
  b.step_ns = -86400 * kSecond;
  CHECK(b.pause(first, first) == 0);
  b.step_ns = 0;
  CHECK(b.is_live(kStart));
}

TEST_CASE("backlog: while the ring fills, a quarter of the pace, and what is stale is paced too") {
  const int64_t first = kStart - 4 * kSecond;
  for (bool relayed : {true, false}) {
    Bench b;
    CHECK(b.pause(first, first, relayed, true) == 0);
    CHECK(b.pause(first, first + 80 * kMs, relayed, true) == (relayed ? 40 : 10) * kMs);
  }
}

TEST_CASE("kernel drops: counted once over restarts, anew for another socket") {
  ReceiverCounters counters = {};
  KernelDrops first(counters);
  first.adopt(7, 3);  // before the relay's first start
  CHECK(get(counters.kernel_drops) == 0);
  first.count(3);
  first.count(10);
  first.count(10);
  CHECK(get(counters.kernel_drops) == 10);
  KernelDrops second(counters);
  second.adopt(7, 14);
  second.count(14);
  CHECK(get(counters.kernel_drops) == 14);
  KernelDrops unknown(counters);
  unknown.adopt(7, UINT32_MAX);
  unknown.count(15);
  CHECK(get(counters.kernel_drops) == 15);
  KernelDrops other(counters);
  other.adopt(8, 2);
  other.count(2);
  CHECK(get(counters.kernel_drops) == 17);
  KernelDrops reused(counters);
  reused.adopt(8, 1);
  reused.count(1);
  CHECK(get(counters.kernel_drops) == 18);
  reused.count(0);  // it wraps
  CHECK(get(counters.kernel_drops) == 17 + (uint64_t{1} << 32));
}
