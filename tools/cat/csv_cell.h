// A value as a cell of CSV (RFC 4180), without what separates it.
#pragma once

#include <avro.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "tools/cat/decoder.h"

namespace sdr::cat {

// Empty for null; in quotes where it must be, and where it is an empty string.
std::string csv_cell(const Decoder& decoder, avro_value_t* value);
std::string csv_quoted(std::string_view text);

// Of a number that counts `units_per_s` from the epoch, or null: as ISO 8601 writes it, to the last
// digit of milliseconds (shown as microseconds), microseconds or nanoseconds. Years that have not
// got four digits stay numbers.
std::string csv_time(const Decoder& decoder, avro_value_t* value, int64_t units_per_s, bool utc);

}  // namespace sdr::cat
