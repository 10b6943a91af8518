#include "tools/feed/pace_field.h"

#include <cmath>
#include <cstring>

#include "relay/format/varint.h"
#include "tools/feed/pace.h"
#include "tools/lib/int128.h"
#include "tools/lib/schema.h"
#include "tools/recording/time_field.h"

namespace sdr {
namespace {

// 0: it is none.
int64_t unit_ns_of(std::string_view unit) {
  if (unit == "s") return 1000000000;
  if (unit == "ms") return 1000000;
  if (unit == "us") return 1000;
  return unit == "ns" ? 1 : 0;
}

int64_t unit_ns_of_type(std::string_view logical_type) {
  for (const std::string_view kind : {"timestamp-", "local-timestamp-", "time-"}) {
    if (!logical_type.starts_with(kind)) continue;
    const std::string_view unit = logical_type.substr(kind.size());
    return unit == "millis" ? 1000000 : unit == "micros" ? 1000 : unit == "nanos" ? 1 : 0;
  }
  return 0;
}

std::optional<PaceField> failed(const std::string& what, std::string* why) {
  *why = what;
  return {};
}

}  // namespace

std::optional<int64_t> PaceField::time_ns(std::span<const uint8_t> datum, size_t at) const {
  if (number == Number::kVarint) {
    const uint8_t* from = datum.data() + at;
    int64_t value;
    if (get_varint(&from, datum.data() + datum.size(), &value) != VarintStatus::kOk) return {};
    return clamp_time_ns(Int128{value} * unit_ns);
  }
  const bool is_float = number == Number::kFloat;
  float narrow = 0;
  double value = 0;
  if (datum.size() - at < (is_float ? sizeof narrow : sizeof value)) return {};
  if (is_float) {
    std::memcpy(&narrow, datum.data() + at, sizeof narrow);
    value = static_cast<double>(narrow);
  } else {
    std::memcpy(&value, datum.data() + at, sizeof value);
  }
  const double ns = value * static_cast<double>(unit_ns);
  if (!std::isfinite(value)) return {};
  if (std::abs(ns) > static_cast<double>(kTimeMax_ns)) return ns > 0 ? kTimeMax_ns : -kTimeMax_ns;
  return static_cast<int64_t>(ns);
}

bool is_pace_field_text(std::string_view text) {
  const size_t colon = text.find(':');
  return !text.empty() && colon != 0 &&
         (colon == text.npos || unit_ns_of(text.substr(colon + 1)) > 0);
}

std::optional<PaceField> find_pace_field(std::string_view schema_text, std::string_view text,
                                         std::string* why) {
  const size_t colon = text.find(':');
  const std::string path(text.substr(0, colon));
  CompiledSchema schema;
  try {
    schema = compile_schema(schema_text);
  } catch (const SchemaError& bad) {
    return failed(std::string("its schema cannot be searched: ") + bad.what(), why);
  }
  const SchemaField* const field = find_field(schema, path);
  if (!field) return failed("its schema has no field " + path, why);
  PaceField found = {.path = recording::index_path(schema, *field)};
  const bool is_real = field->type == "float" || field->type == "double";
  if (is_real) {
    found.number = field->type == "float" ? PaceField::Number::kFloat : PaceField::Number::kDouble;
  } else if (field->type != "int" && field->type != "long") {
    return failed("its field " + path + " is of type " + field->type + ", not a number", why);
  }
  found.unit_ns = unit_ns_of_type(field->logical_type);
  if (found.unit_ns == 0 && is_real) found.unit_ns = unit_ns_of("s");
  if (colon != text.npos) found.unit_ns = unit_ns_of(text.substr(colon + 1));
  if (found.unit_ns == 0)
    return failed("its field " + path + " does not say its unit; write " + path + ":us (s, ms, ns)",
                  why);
  return found;
}

}  // namespace sdr
