// The marks in a counters page, from which a reader can tell what has happened lately.
#pragma once

#include <stdint.h>

#include "relay/format/counters.h"

namespace sdr {

// Makes a mark where the last one is old enough. `now_ns` is CLOCK_BOOTTIME.
void mark_counters(CountersPage* page, int64_t now_ns);

}  // namespace sdr
