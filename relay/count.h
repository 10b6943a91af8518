// What a batch adds to the receiver's counters.
#pragma once

#include <stdint.h>

#include "relay/format/counters.h"
#include "relay/intake.h"

namespace sdr {

void count_batch(const Batch& batch, ReceiverCounters* counters);

// The batch's datums have been sent at `now_ns`.
void count_latency(const Batch& batch, int64_t now_ns, ReceiverCounters* counters);

}  // namespace sdr
