#include "tools/stat/percentile.h"

#include <algorithm>

#include "tools/lib/int128.h"

namespace sdr::status {

std::optional<uint64_t> percentile(std::span<const Counter> buckets, uint64_t per_mille,
                                   uint64_t max) {
  Int128 total = 0;
  for (const Counter& bucket : buckets) total += get(bucket);
  if (total == 0) return std::nullopt;
  const Int128 rank = (total * per_mille + 999) / 1000;
  Int128 below = 0;
  for (size_t i = 0; i + 1 < buckets.size(); ++i) {
    below += get(buckets[i]);
    if (below >= rank && below > 0) return std::min(uint64_t{2} << i, max);
  }
  return max;  // the last bucket has no bound
}

}  // namespace sdr::status
