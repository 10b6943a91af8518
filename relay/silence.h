// A channel that hears nothing for too long says so once, and when it hears again.
#pragma once

#include <stdint.h>

#include "relay/format/counters.h"

namespace sdr {

// Takes times of CLOCK_BOOTTIME, which nobody sets; the wall clock is for showing.
class Silence {
 public:
  Silence(uint64_t limit_ms, ReceiverCounters& counters);

  // A datagram has come.
  void end() {
    has_heard_ = true;
    if (is_silent_) hear_again();
  }
  // To be called about once a second, or once in limit_ns() where that is less, with the wall
  // clock's time.
  void look(int64_t now_ns);
  int64_t limit_ns() const { return limit_ns_ > 0 ? limit_ns_ : INT64_MAX; }

 private:
  void hear_again();

  int64_t limit_ns_;
  ReceiverCounters& counters_;
  bool has_heard_ = false;  // since the last look
  bool is_silent_ = false;
  int64_t since_ns_;  // when the last datagram came, or the relay began
  int64_t since_wall_ns_;
};

}  // namespace sdr
