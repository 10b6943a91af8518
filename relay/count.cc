#include "relay/count.h"

namespace sdr {

void count_batch(const Batch& batch, ReceiverCounters* counters) {
  add(counters->received, batch.received);
  add(counters->received_bytes, batch.received_bytes);
  if (batch.unrecorded > 0) add(counters->unrecorded, batch.unrecorded);
  if (batch.rejected == 0) return;
  add(counters->rejected, batch.rejected);
  add(counters->rejects_not_kept, batch.rejects_not_kept);
  for (size_t i = 0; i < kRejectReasons; ++i) {
    if (batch.rejected_by_reason[i] > 0)
      add(counters->rejected_by_reason[i], batch.rejected_by_reason[i]);
  }
}

void count_latency(const Batch& batch, int64_t now_ns, ReceiverCounters* counters) {
  for (uint32_t i = 0; i < batch.runs; ++i) {
    const int64_t took = now_ns - batch.run[i].time_ns;
    const uint64_t latency = took > 0 ? static_cast<uint64_t>(took) : 1;
    size_t bucket = 63 - static_cast<size_t>(__builtin_clzll(latency));
    if (bucket >= kLatencyBuckets) bucket = kLatencyBuckets - 1;
    add(counters->latency[bucket], batch.run[i].count);
    raise_to(counters->latency_max_ns, latency);
  }
}

}  // namespace sdr
