// One line per diagnostic on standard error, "sdr-relay[NAME]: fatal: …"; the logger stamps.
//
// A line that cannot be written at once is counted and dropped: a stopped logger must not stop the
// live path.
#pragma once

#include "relay/format/counters.h"

namespace sdr {

// Opens /dev/null for each of descriptors 0 to 2 that is closed, or the next socket or segment
// would get its number, and the log's lines. False: there is no /dev/null.
bool open_standard_descriptors();

// `name` must outlive all logging. Lines dropped are counted in `dropped` where that is given. From
// here on nobody dies of a logger that has gone away (SIGPIPE).
void log_open(const char* name, Counter* dropped);

[[gnu::format(printf, 2, 3)]] void log_line(const char* level, const char* format, ...);
// The same, followed by ": " and the text of `sys_errno` (left out where it is 0).
[[gnu::format(printf, 3, 4)]] void log_errno(const char* level, int sys_errno, const char* format,
                                             ...);

}  // namespace sdr
