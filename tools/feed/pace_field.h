// The field of a datum that a replay is paced by, where the user names one.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sdr {

struct PaceField {
  enum class Number : uint8_t { kVarint, kFloat, kDouble };
  std::vector<uint32_t> path;  // as recording::TimeField has it
  Number number = Number::kVarint;
  int64_t unit_ns = 1;

  // Reads the number that stands at `at` of a sound datum. Empty: it is NaN or infinite.
  std::optional<int64_t> time_ns(std::span<const uint8_t> datum, size_t at) const;
};

// Whether it is "PATH" or "PATH:UNIT", where the unit is s, ms, us or ns.
bool is_pace_field_text(std::string_view text);

// Finds the field "PATH" in a schema. Its unit is that of its logical type (timestamp-millis,
// local-timestamp-micros, time-millis …), or the one that the text ends in; a float or double
// without either has seconds. Empty, and *why: it is none.
std::optional<PaceField> find_pace_field(std::string_view schema_text, std::string_view text,
                                         std::string* why);

}  // namespace sdr
