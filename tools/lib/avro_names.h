// Names of libavro-c's schemas.
#pragma once

#include <avro.h>

#include <string>

namespace sdr {

inline bool is_named(avro_schema_t schema) {
  return is_avro_record(schema) || is_avro_enum(schema) || is_avro_fixed(schema);
}

// Of a named type, with its namespace where it has one.
inline std::string full_name(avro_schema_t schema) {
  const char* space = avro_schema_namespace(schema);
  const char* name = avro_schema_name(schema);
  return space && *space ? std::string(space) + "." + name : name;
}

}  // namespace sdr
