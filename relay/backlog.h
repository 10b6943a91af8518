// What waited in the socket while nobody read it: how old it may be to be relayed, and how fast it
// is handed on.
//
// A held socket queues while its relay restarts, and any socket does while its relay is stopped.
// Handed on at once, that queue would overrun the receive buffers of those who listen. So, for as
// long as what is received is old, it goes out at no more than kPace times the pace at which it
// came in (by the kernel's receive times), in batches, with pauses between them. The limit is one
// way: who does not reach that pace is never paused, so an overloaded relay gets no slower and the
// queue always shrinks. What is too old to be relayed is neither relayed nor paced.
//
// The queue may hold more than the ring has room for. So when the ring fills, and is not full yet,
// the pace is a quarter of that, and what is not relayed is paced too: the writer gets time, by the
// clock and not by its progress, so that no disk holds up the live path.
//
// Receive times are the wall clock's, and that may be set. A step forward is known by the clock
// that nobody sets, and taken off; a step backward puts receive times into the future, and those
// count as new. No pause is longer than kPauseMaxNs whatever the clocks say.
#pragma once

#include <stdint.h>

#include "relay/ring.h"

namespace sdr {

// CLOCK_REALTIME, and CLOCK_BOOTTIME, which nobody sets.
struct Now {
  int64_t wall_ns;
  int64_t boot_ns;
};

// The kernel's receive times of a batch's first and last datagram, and the wall clock just before
// the batch was asked for.
//
// A datagram that is no older than that came meanwhile, or it had no time: the kernel begins to
// note them some milliseconds after the first socket wants it. So it says nothing of what is behind
// it.
struct BatchTimes {
  int64_t first_ns;
  int64_t last_ns;
  int64_t asked_ns;
};

class Backlog {
 public:
  static constexpr int64_t kOldNs = 20000000;  // younger is live
  static constexpr int64_t kPace = 8;
  static constexpr int64_t kRingFillsPace = 2;
  static constexpr int64_t kPauseMaxNs = 50000000;

  // `held`: the socket was there before; `now` is when it was taken. With a limit of 0, what came
  // before that is not relayed, and what comes later always is.
  Backlog(bool held, uint64_t catch_up_ms, const Now& now);

  // Whether a batch goes out as it comes; then nothing else here is called for it.
  bool is_live(int64_t first_ns, int64_t wall_ns) const {
    return !catching_up_ && static_cast<uint64_t>(wall_ns - first_ns) < kOldNs;
  }
  // Before an old batch is relayed: what was received before the time returned is stale.
  int64_t relay_from(const BatchTimes& batch, const Now& now);
  // And after it, or what was not stale of it: how long to pause before the next is received.
  int64_t pause_ns(const BatchTimes& batch, bool relayed, bool ring_fills, const Now& now);
  bool catching_up() const { return catching_up_; }
  // How many datagrams to receive at once.
  uint32_t batch_max() const { return batch_max_; }

  // The socket is empty.
  void end();
  // How the clocks stand to each other; to be called about once a second.
  void note_clocks(const Now& now);

 private:
  bool is_losing(int64_t lag_ns);
  int64_t adapt_batch(int64_t span_ns, int64_t ahead_ns);

  int64_t catch_up_ns_;
  int64_t taken_ns_;      // wall clock; what came before is stale, INT64_MIN once all has been seen
  int64_t clock_gap_ns_;  // wall - boot
  bool catching_up_;
  uint32_t batch_max_;
  bool pacing_ = false;
  int64_t last_ns_ = 0;         // receive time of the last datagram handed on
  int64_t due_ns_ = 0;          // boot clock: when the next may follow
  int64_t lag_least_ns_ = 0;    // the least that we have been behind
  int64_t pause_below_ns_ = 0;  // no pauses until we are less than this behind
};

}  // namespace sdr
