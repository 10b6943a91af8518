// One line per diagnostic on standard error, "sdr-relay[NAME]: fatal: …"; the logger stamps.
//
// A line that cannot be written at once is counted and dropped: a stopped logger must not stop the
// live path.
#pragma once

#include "relay/format/counters.h"

namespace sdr {

// `name` must outlive all logging. Lines dropped are counted in `dropped` where that is given.
void log_open(const char* name, Counter* dropped);

[[gnu::format(printf, 2, 3)]] void log_line(const char* level, const char* format, ...);
// The same, followed by ": " and the text of `sys_errno` (left out where it is 0).
[[gnu::format(printf, 3, 4)]] void log_errno(const char* level, int sys_errno, const char* format,
                                             ...);

}  // namespace sdr
