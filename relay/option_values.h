// Values of sdr-relay's options: numbers, and those that have parts.
#pragma once

#include <stdint.h>

#include <string_view>

#include "relay/number.h"
#include "relay/options.h"

namespace sdr {

template <typename T>
bool parse_number_into(std::string_view text, uint64_t least, uint64_t most, T* out,
                       unsigned base = 10) {
  uint64_t value;
  if (!parse_number(text, base, &value) || value < least || value > most) return false;
  *out = static_cast<T>(value);
  return true;
}

// "ADDR:PORT,factor=N,method=average,…": one more stream.
bool parse_decimated(std::string_view text, Options* out);
// "N,wrap=W"
bool parse_sequence(std::string_view text, Options* out);

}  // namespace sdr
