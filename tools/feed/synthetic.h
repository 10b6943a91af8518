// Synthetic values for any schema: numbers follow a signal, everything else varies over all it can
// be.
#pragma once

#include <cstdint>

#include "tools/feed/datum.h"
#include "tools/feed/options.h"

namespace sdr {

// Fills `value` with datum `number`, due `time_s` after the start. The same arguments give the same
// datum, but for fields with a time logical type, which carry the current time.
void fill_synthetic(const SchemaNode& root, const FeedOptions& options, uint64_t number,
                    double time_s, avro_value_t* value);

}  // namespace sdr
