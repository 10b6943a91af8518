// One line of JSON → a datum, by the schema.
//
// Objects are records and maps, arrays arrays, strings strings, enums' symbols, and bytes or fixed
// (each character up to U+00FF one byte, as Avro's own JSON encoding has it). A union takes
// {"TYPE": value} as Avro's JSON encoding does, or else the first branch that the bare value fits.
// Floats also take "NaN", "Infinity", "-Infinity".
#pragma once

#include <string>

#include "tools/feed/datum.h"

namespace sdr {

// Throws std::runtime_error that names the field and what is wrong with it.
void fill_from_json(const SchemaNode& root, const std::string& line, avro_value_t* value);

}  // namespace sdr
