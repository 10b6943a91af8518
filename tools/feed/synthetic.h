// Synthetic values for any schema: numbers follow a signal, everything else varies over all it can
// be.
#pragma once

#include <cstdint>

#include "tools/feed/datum.h"
#include "tools/feed/options.h"

namespace sdr {

// Arrays and maps get up to kItemsMax items, half as many with each level and each unit of `less`.
constexpr unsigned kItemsMax = 4;
constexpr unsigned kLessMax = 3;  // from here on they are empty

// Fills `value` with datum `number`, due `time_s` after the start. The same arguments give the same
// datum, but for numbers with a time logical type, which carry the current time.
void fill_synthetic(const SchemaNode& root, const FeedOptions& options, uint64_t number,
                    double time_s, unsigned less, avro_value_t* value);

}  // namespace sdr
