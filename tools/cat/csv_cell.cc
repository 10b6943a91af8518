#include "tools/cat/csv_cell.h"

#include "tools/lib/json.h"
#include "tools/lib/time_text.h"

namespace sdr::cat {
namespace {

constexpr int64_t kYear1_s = -62135596800;
constexpr int64_t kYear10000_s = 253402300800;

avro_value_t without_unions(avro_value_t value) {
  avro_value_t branch = {};
  while (type_of(&value) == AVRO_UNION) {
    avro_value_get_current_branch(&value, &branch);
    value = branch;
  }
  return value;
}

}  // namespace

std::string csv_quoted(std::string_view text) {
  if (!text.empty() && text.find_first_of(",\"\r\n") == std::string_view::npos)
    return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

std::string csv_cell(const Decoder& decoder, avro_value_t* value) {
  avro_value_t inner = without_unions(*value);
  const void* data = nullptr;
  const char* text = nullptr;
  size_t size = 0;
  int number = 0;
  switch (type_of(&inner)) {
    case AVRO_NULL:
      return "";
    case AVRO_STRING:
      avro_value_get_string(&inner, &text, &size);
      return csv_quoted({text, size > 0 ? size - 1 : 0});
    case AVRO_ENUM:
      avro_value_get_enum(&inner, &number);
      return avro_schema_enum_get(avro_value_get_schema(&inner), number);
    case AVRO_BYTES:
      avro_value_get_bytes(&inner, &data, &size);
      break;
    case AVRO_FIXED:
      avro_value_get_fixed(&inner, &data, &size);
      break;
    case AVRO_FLOAT:
    case AVRO_DOUBLE: {
      std::string cell;
      JsonWriter json(&cell);
      decoder.print(&inner, &json);
      // In JSON these are strings.
      std::erase(cell, '"');
      return cell;
    }
    default: {
      std::string cell;
      JsonWriter json(&cell);
      decoder.print(&inner, &json);
      return csv_quoted(cell);
    }
  }
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (size_t i = 0; i < size; ++i) {
    const uint8_t byte = static_cast<const uint8_t*>(data)[i];
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex.empty() ? "\"\"" : hex;
}

std::string csv_time(const Decoder& decoder, avro_value_t* value, int64_t units_per_s, bool utc) {
  avro_value_t inner = without_unions(*value);
  int64_t number = 0;
  if (type_of(&inner) != AVRO_INT64 || avro_value_get_long(&inner, &number) != 0)
    return csv_cell(decoder, &inner);
  const int64_t part = (number % units_per_s + units_per_s) % units_per_s;
  const int64_t seconds = (number - part) / units_per_s;
  // A day of each end is left for the zone.
  if (seconds < kYear1_s + 86400 || seconds >= kYear10000_s - 86400)
    return csv_cell(decoder, &inner);
  const int64_t part_ns = part * (1000000000 / units_per_s);
  std::string text = time_text(seconds * 1000000 + part_ns / 1000, utc);
  if (units_per_s > 1000000) {
    const std::string more = std::to_string(1000 + part_ns % 1000);
    text.insert(text.find('.') + 7, more, 1);
  }
  return text;
}

}  // namespace sdr::cat
