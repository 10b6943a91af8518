// Unsigned numbers in text: digits and nothing else, where the C library takes signs, white space
// and prefixes.
#pragma once

#include <stdint.h>

#include <string_view>

namespace sdr {

// Takes the digits of `base` (2 to 16, either case) off the front of *text. False where there is
// none, or the number has more than 64 bits; then *text and *number are as they were.
bool take_number(std::string_view* text, unsigned base, uint64_t* number);

// Whether all of `text` is a number.
inline bool parse_number(std::string_view text, unsigned base, uint64_t* number) {
  return take_number(&text, base, number) && text.empty();
}

}  // namespace sdr
