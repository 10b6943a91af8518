// The field of a datum that says when it was received, or else when it was made.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/lib/schema.h"
#include "tools/recording/moment.h"

namespace sdr::recording {

struct TimeField {
  std::string name;            // "pose.time"
  std::vector<uint32_t> path;  // the field's index in the root record, in that field's record …
  int64_t units_per_s = 0;     // of its number, which counts from the epoch
  bool is_receive_time = false;

  bool is_in(const TimeRange& range, int64_t number) const;
};

// Of a number of that logical type, timestamp-*, which counts from the epoch; 0: it is none.
int64_t units_per_s(std::string_view logical_type);

// The way to one of the schema's fields, as TimeField has it.
std::vector<uint32_t> index_path(const CompiledSchema& schema, const SchemaField& field);

// The root record's last field where it is what a relay puts there (receive_time,
// timestamp-micros), else the first long of the logical type timestamp-millis, -micros or -nanos,
// also where that stands beside `type`; only fields that every datum has count, within records,
// too. Empty, and *why: there is none.
std::optional<TimeField> find_time_field(std::string_view schema_text, std::string* why);

}  // namespace sdr::recording
