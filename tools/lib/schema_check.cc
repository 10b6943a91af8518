#include "tools/lib/schema_check.h"

#include <string>

#include "tools/lib/schema.h"

namespace sdr {

JsonPtr parse_schema_json(std::string_view text) {
  json_error_t error;
  JsonPtr json(
      json_loadb(text.data(), text.size(), JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error));
  if (!json)
    throw SchemaError(std::string("not JSON: ") + error.text, static_cast<size_t>(error.line),
                      static_cast<size_t>(error.column));
  return json;
}

}  // namespace sdr
