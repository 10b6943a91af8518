// The parts of a datum that are printed, where it is not the whole.
#pragma once

#include <avro.h>

#include <string>
#include <vector>

#include "tools/recording/field_path.h"

namespace sdr::cat {
using namespace recording;

// What stands for the time at which a datum was received, whether or not it has it itself.
constexpr std::string_view kTimeColumn = "@time";

struct Column {
  enum class Kind : uint8_t { kField, kTime, kDatum };

  Kind kind = Kind::kField;
  std::string name;  // as it was asked for
  FieldPath path;    // kField
};

// Those with these names. False: *why says which is none.
bool find_columns(const Shape& shape, const std::vector<std::string>& names,
                  std::vector<Column>* columns, std::string* why);

// All that a datum has: its fields, in the order of the bytes, with those of inner records in their
// place. Of a datum that is no record, the datum.
std::vector<Column> all_columns(const Shape& shape);

// Makes *value what `path` leads to in `datum`. False: this datum has none.
bool find_value(const FieldPath& path, const avro_value_t& datum, avro_value_t* value);

}  // namespace sdr::cat
