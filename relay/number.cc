#include "relay/number.h"

namespace sdr {
namespace {

unsigned digit_of(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  const unsigned letter = static_cast<unsigned>(c | 0x20) - 'a';
  return letter < 6 ? letter + 10 : 16;
}

}  // namespace

bool take_number(std::string_view* text, unsigned base, uint64_t* number) {
  uint64_t value = 0;
  size_t size = 0;
  for (; size < text->size(); ++size) {
    const unsigned digit = digit_of((*text)[size]);
    if (digit >= base) break;
    if (value > (UINT64_MAX - digit) / base) return false;
    value = value * base + digit;
  }
  if (size == 0) return false;
  text->remove_prefix(size);
  *number = value;
  return true;
}

}  // namespace sdr
