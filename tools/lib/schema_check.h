// What a schema must be before libavro-c sees it: JSON, and what the specification demands beyond
// libavro-c.
#pragma once

#include <jansson.h>

#include <cstddef>
#include <memory>
#include <string_view>

namespace sdr {

constexpr size_t kSchemaTypesMax = 1 << 17;  // counted with every reference expanded
constexpr size_t kDatagramBytesMax = 65507;  // UDP over IPv4

struct JsonRelease {
  void operator()(json_t* json) const { json_decref(json); }
};
using JsonPtr = std::unique_ptr<json_t, JsonRelease>;

// Parses and checks; throws SchemaError, with its place where the text is not JSON.
JsonPtr parse_schema_json(std::string_view text);

}  // namespace sdr
