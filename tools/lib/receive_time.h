// The schema of a recording whose datums carry their receive time: the channel's own, with one more
// field at the end of the record.
#pragma once

#include <string>
#include <string_view>

namespace sdr {

inline constexpr std::string_view kReceiveTimeField =
    R"({"name":"receive_time","type":{"type":"long","logicalType":"timestamp-micros"}})";

// Puts it in behind the last field of the root, and leaves all else as it was written. Throws
// SchemaError (tools/lib/schema.h) where the root is no record, or has a field of that name or an
// alias for it: readers with the original schema would take the one for the other.
std::string with_receive_time(std::string_view schema_text);

}  // namespace sdr
