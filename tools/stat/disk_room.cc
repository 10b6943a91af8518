#include "tools/stat/disk_room.h"

#include <algorithm>

namespace sdr::status {

double seconds_until_full(double free_bytes, std::vector<Growth> growths) {
  constexpr double kNever = std::numeric_limits<double>::infinity();
  if (free_bytes <= 0) return 0;
  std::erase_if(growths, [](const Growth& g) { return !(g.bytes_per_s > 0); });
  const auto full_at = [](const Growth& g) { return std::max(g.room_bytes, 0.0) / g.bytes_per_s; };
  std::sort(growths.begin(), growths.end(),
            [&](const Growth& a, const Growth& b) { return full_at(a) < full_at(b); });
  double rate = 0;
  for (const Growth& growth : growths) rate += growth.bytes_per_s;
  double at_s = 0;
  for (const Growth& growth : growths) {
    const double until_s = full_at(growth);
    // Of all that still grows, the sum of the rates; what is left of the room at `until_s`.
    const double used = rate * (until_s - at_s);
    if (used >= free_bytes) return at_s + free_bytes / rate;
    free_bytes -= used;
    at_s = until_s;
    rate -= growth.bytes_per_s;
  }
  return kNever;
}

}  // namespace sdr::status
