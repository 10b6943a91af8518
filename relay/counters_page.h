// The live counters page (format/counters.h) as a relay has it mapped.
#pragma once

#include "relay/format/counters.h"
#include "relay/format/result.h"

namespace sdr {

// Maps the page at `path` (null: memory of these processes only); one of another version or channel
// is begun anew. It stays mapped.
Result<CountersPage*> open_counters_page(const char* path, const char* channel);

// For the writer, before it counts what took long: where a receiver of another version has begun
// the page anew meanwhile, this process counts in memory of its own from here on.
void keep_to_own_counters();

}  // namespace sdr
