// Percentiles out of a histogram whose buckets are powers of two.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "relay/format/counters.h"

namespace sdr::status {

// The least bucket bound that `per_mille` of the counted values do not exceed, not interpolated:
// the upper bound of the bucket that the value lies in, so that the true one is at most that and
// more than half of it; but never more than `max`, the largest value seen. Absent where nothing was
// counted. Bucket b counts [2^b, 2^(b+1)).
std::optional<uint64_t> percentile(std::span<const Counter> buckets, uint64_t per_mille,
                                   uint64_t max);

}  // namespace sdr::status
