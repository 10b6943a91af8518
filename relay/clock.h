// The two clocks, in nanoseconds, and the wall clock as Avro and names of segments have it.
#pragma once

#include <stdint.h>
#include <time.h>

namespace sdr {

inline int64_t clock_ns(clockid_t clock) {
  timespec t;
  // Where a filter or a tracer answers the call, a signal can interrupt it.
  while (clock_gettime(clock, &t) != 0) {
  }
  return static_cast<int64_t>(t.tv_sec) * 1000000000 + t.tv_nsec;
}
inline int64_t monotonic_ns() { return clock_ns(CLOCK_MONOTONIC); }
inline int64_t realtime_ns() { return clock_ns(CLOCK_REALTIME); }
inline int64_t realtime_us() { return realtime_ns() / 1000; }

}  // namespace sdr
