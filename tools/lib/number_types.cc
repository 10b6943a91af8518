#include "tools/lib/number_types.h"

namespace sdr {

const char* type_name(avro_schema_t schema) {
  if (is_avro_record(schema)) return "record";
  if (is_avro_enum(schema)) return "enum";
  if (is_avro_fixed(schema)) return "fixed";
  return avro_schema_type_name(schema);
}

bool is_time(std::string_view logical_type) {
  return logical_type == "date" || logical_type.starts_with("time-") ||
         logical_type.starts_with("timestamp-") || logical_type.starts_with("local-timestamp-");
}

std::string logical_type_of(const json_t* json) {
  const char* name = json_string_value(json_object_get(json, "logicalType"));
  return name ? name : "";
}

bool is_number(avro_schema_t schema) {
  return is_avro_int32(schema) || is_avro_int64(schema) || is_avro_float(schema) ||
         is_avro_double(schema);
}

bool is_nullable_number(avro_schema_t schema, const json_t* json) {
  if (!is_avro_union(schema)) return false;
  bool nullable = false;
  bool number = false;
  for (int i = 0; i < static_cast<int>(avro_schema_union_size(schema)); ++i) {
    avro_schema_t branch = avro_schema_union_branch(schema, i);
    if (is_avro_null(branch)) {
      nullable = true;
    } else if (is_number(branch) &&
               !is_time(logical_type_of(json_array_get(json, static_cast<size_t>(i))))) {
      number = true;
    } else {
      return false;
    }
  }
  return nullable && number;
}

}  // namespace sdr
