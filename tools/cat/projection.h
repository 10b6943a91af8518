// The schema of some of a datum's fields.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/cat/columns.h"

namespace sdr::cat {

// How a field that not every datum has is written.
struct MayLack {
  bool is_wrapped = false;  // as a union of null and its type …
  bool is_shifted = false;  // … which is a union without null: null goes before its branches
  int64_t null_branch = 0;  // that says it is not there
};
MayLack may_lack_of(const Shape& shape, const Column& column);

// Makes *schema that of a record with a field for each column, named after it with what a name
// cannot have as "_" ("pose.x" is "pose_x"). Types are as in `schema_text`, what they are said to
// be (logicalType …) included; those with names have their definition where they are used first. A
// field that not every datum has may be null. False: *why two would have one name.
bool project_schema(std::string_view schema_text, const Shape& shape,
                    const std::vector<Column>& columns, std::string* schema, std::string* why);

}  // namespace sdr::cat
