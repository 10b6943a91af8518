// How long a disk has room for what several channels record, each up to what is kept of it. Pure.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

namespace sdr::status {

struct Growth {
  double bytes_per_s = 0;
  double room_bytes = std::numeric_limits<double>::infinity();  // it grows by this much and no more
};

// Seconds until `free_bytes` are used up; infinity: never.
double seconds_until_full(double free_bytes, std::vector<Growth> growths);

}  // namespace sdr::status
