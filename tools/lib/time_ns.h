// Times of datums, in nanoseconds since the epoch.
#pragma once

#include <algorithm>
#include <cstdint>

namespace sdr {

// They are kept within this, so that the difference of two is a number, too.
constexpr int64_t kTimeMax_ns = int64_t{4} * 1000000000 * 1000000000;

constexpr int64_t clamp_time_ns(__int128 time_ns) {
  return static_cast<int64_t>(std::clamp<__int128>(time_ns, -kTimeMax_ns, kTimeMax_ns));
}

}  // namespace sdr
