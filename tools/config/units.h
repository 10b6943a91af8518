// Values with units as the config writes them: "5s", "4MiB", "100Hz", "5%". Pure.
//
// A number is decimal digits, for rates and percentages with a decimal point where wanted; the unit
// follows at once and is never left out. Each reader gives the value in one base unit, or says in
// `error` what is wrong and what would be right.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sdr {

struct Quantity {
  uint64_t value = 0;
  std::string error;  // empty: the value is good
};

Quantity parse_duration_us(std::string_view text);      // us ms s min m h d; to 100 years
Quantity parse_size_bytes(std::string_view text);       // B kB KB MB GB TB KiB MiB GiB TiB; to 2^60
Quantity parse_rate_millihertz(std::string_view text);  // Hz kHz; to 1 MHz
Quantity parse_percent_hundredths(std::string_view text);  // "5%" is 500; to 1,000,000 %

// The shortest exact spelling: 1500000 → "1500ms", 1 << 22 → "4MiB".
std::string duration_text(uint64_t duration_us);
std::string size_text(uint64_t bytes);

}  // namespace sdr
