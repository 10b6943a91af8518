// Times of datums, in nanoseconds since the epoch.
#pragma once

#include <algorithm>
#include <cstdint>

#include "tools/lib/int128.h"

namespace sdr {

// They are kept within this, so that the difference of two is a number, too.
constexpr int64_t kTimeMax_ns = int64_t{4} * 1000000000 * 1000000000;

inline int64_t clamp_time_ns(Int128 time_ns) {
  return static_cast<int64_t>(std::clamp<Int128>(time_ns, -kTimeMax_ns, kTimeMax_ns));
}

}  // namespace sdr
