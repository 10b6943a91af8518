// Sleeps until a moment of CLOCK_MONOTONIC.
#pragma once

#include <time.h>

#include <cstdint>

namespace sdr {

// False: a signal came before.
inline bool sleep_until(int64_t time_ns) {
  const timespec until = {static_cast<time_t>(time_ns / 1'000'000'000),
                          static_cast<long>(time_ns % 1'000'000'000)};
  return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) == 0;
}

}  // namespace sdr
