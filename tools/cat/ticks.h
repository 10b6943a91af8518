// Where the ticks of an axis stand, and what is written at them. Pure, but for the time zone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sdr::cat {

struct Tick {
  long double at;
  std::string label;
};

// Round values from `low` to `high`, both of which count: at most `count_max` of them, and one or
// more where that is possible.
std::vector<Tick> value_ticks(double low, double high, size_t count_max);

// Round times of day, local or in UTC, of nanoseconds since the epoch: as many as have room, with
// their labels, in `columns` characters. Midnight has the date.
std::vector<Tick> time_ticks(int64_t low_ns, int64_t high_ns, size_t columns, bool utc);

// A number in few digits: whole ones up to 2^53 as they are, others in six.
std::string short_number(double value);

}  // namespace sdr::cat
