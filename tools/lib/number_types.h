// Which types of a schema decimation can act on: numbers that are no time.
//
// libavro-c drops logical types, so that they are read from the JSON that a schema was made of.
#pragma once

#include <avro.h>
#include <jansson.h>

#include <string>
#include <string_view>

namespace sdr {

// "int", "record", "union" …
const char* type_name(avro_schema_t schema);

// An int, long, float or double.
bool is_number(avro_schema_t schema);

// Null or a number that is no time. `json` is what the union was made of.
bool is_nullable_number(avro_schema_t schema, const json_t* json);

// The member logicalType of a type or of a field, or "".
std::string logical_type_of(const json_t* json);

// timestamp-*, local-timestamp-*, time-*, date.
bool is_time(std::string_view logical_type);

}  // namespace sdr
