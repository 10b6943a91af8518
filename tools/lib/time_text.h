// Times of day as people read them, with their zone.
#pragma once

#include <cstdint>
#include <string>

namespace sdr {

// "2026-11-22T21:15:00.000000+0100" for microseconds since the epoch, or with Z in UTC.
std::string time_text(int64_t time_us, bool utc);

}  // namespace sdr
