#include "tools/recording/time_field.h"

#include <algorithm>

#include "tools/lib/int128.h"

namespace sdr::recording {
namespace {

int64_t units_per_s_of(const SchemaField& field) {
  return field.type == "long" ? units_per_s(field.logical_type) : 0;
}

}  // namespace

int64_t units_per_s(std::string_view logical_type) {
  if (logical_type == "timestamp-millis") return 1000;
  if (logical_type == "timestamp-micros") return 1000000;
  return logical_type == "timestamp-nanos" ? 1000000000 : 0;
}

bool TimeField::is_in(const TimeRange& range, int64_t number) const {
  constexpr Int128 kUsPerS = 1000000;
  const Int128 scaled = Int128{number} * kUsPerS;
  return scaled >= Int128{range.from_us} * units_per_s &&
         (scaled < Int128{range.to_us} * units_per_s || range.to_us == INT64_MAX);
}

// Fields come in the order of the bytes, each before those within it.
std::vector<uint32_t> index_path(const CompiledSchema& schema, const SchemaField& field) {
  std::vector<uint32_t> path;
  for (const SchemaField& each : schema.fields) {
    const size_t depth =
        static_cast<size_t>(std::count(each.path.begin(), each.path.end(), '.')) + 1;
    const bool is_sibling = path.size() >= depth;
    path.resize(depth, 0);
    if (is_sibling) ++path.back();
    if (each.path == field.path) break;
  }
  return path;
}

std::optional<TimeField> find_time_field(std::string_view schema_text, std::string* why) {
  CompiledSchema schema;
  try {
    schema = compile_schema(schema_text);
  } catch (const SchemaError& bad) {
    *why = std::string("its schema cannot be searched for one: ") + bad.what();
    return {};
  }
  std::optional<TimeField> found;
  for (const SchemaField& field : schema.fields) {
    const int64_t units = units_per_s_of(field);
    const bool is_receive_time =
        field.path == "receive_time" && units == 1000000 && &field == &schema.fields.back();
    if (units == 0 || (found && !is_receive_time)) continue;
    found = {.name = field.path,
             .path = index_path(schema, field),
             .units_per_s = units,
             .is_receive_time = is_receive_time};
  }
  if (!found) *why = "its schema has no receive_time and no other field that is a timestamp";
  return found;
}

}  // namespace sdr::recording
