// How long to let a batch fill before it is received: under load fewer, larger batches cost less,
// and what waits in the socket meanwhile is later.
//
// It is never waited longer than `batch_wait` after a datagram may have come, nor longer than it
// takes to fill a batch at the pace of the last one, nor where hardly any would come: a slow stream
// goes out at once whatever the setting.
#pragma once

#include <stdint.h>

#include "relay/ring.h"

namespace sdr {

class Batching {
 public:
  static constexpr int64_t kWorthwhile = 4;  // messages

  explicit Batching(uint64_t wait_us) : wait_ns_(static_cast<int64_t>(wait_us) * 1000) {}

  // Messages came, `count` of them, the last at `last_ns`, and it is `now_ns`, both by the wall
  // clock: how long to wait before the next are received.
  int64_t wait_ns(uint32_t count, int64_t last_ns, int64_t now_ns) {
    const int64_t interval_ns = (last_ns - before_ns_) / count;
    before_ns_ = last_ns;
    if (interval_ns < 0 || interval_ns > wait_ns_ / kWorthwhile) return 0;
    const int64_t fills_ns = interval_ns * kBatchMax;
    const int64_t left_ns = last_ns + (fills_ns < wait_ns_ ? fills_ns : wait_ns_) - now_ns;
    return left_ns < 0 ? 0 : left_ns < wait_ns_ ? left_ns : wait_ns_;
  }

 private:
  int64_t wait_ns_;
  int64_t before_ns_ = 0;  // the last one of the batch before
};

}  // namespace sdr
