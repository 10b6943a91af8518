#include "relay/wide.h"

namespace sdr {
namespace {

void add_words(const Wide& value, Wide* sum) {
  uint64_t carry = 0;
  for (int i = 0; i < 3; ++i) {
    const uint64_t with_carry = value.word[i] + carry;
    carry = with_carry < carry;
    sum->word[i] += with_carry;
    carry += sum->word[i] < with_carry;
  }
}

Wide square(uint64_t n) {
  const uint64_t low = n & 0xffffffff;
  const uint64_t high = n >> 32;
  const uint64_t middle = low * high;  // stands twice in the square
  const uint64_t low_square = low * low;
  const uint64_t shifted = middle << 33;
  const uint64_t sum = low_square + shifted;
  return {{sum, high * high + (middle >> 31) + (sum < shifted), 0}};
}

uint64_t magnitude(int64_t n) {
  return n < 0 ? -static_cast<uint64_t>(n) : static_cast<uint64_t>(n);
}

// *number /= divisor (less than 2^63); returns the remainder.
uint64_t divide(Wide* number, uint64_t divisor) {
  uint64_t remainder = 0;
  if (number->word[1] == 0 && number->word[2] == 0) {
    remainder = number->word[0] % divisor;
    number->word[0] /= divisor;
    return remainder;
  }
  for (int bit = 191; bit >= 0; --bit) {
    uint64_t& word = number->word[bit / 64];
    const uint64_t mask = uint64_t{1} << (bit % 64);
    remainder = remainder << 1 | ((word & mask) != 0);
    word &= ~mask;
    if (remainder < divisor) continue;
    remainder -= divisor;
    word |= mask;
  }
  return remainder;
}

bool exceeds(const Wide& a, const Wide& b) {
  for (int i = 2; i > 0; --i) {
    if (a.word[i] != b.word[i]) return a.word[i] > b.word[i];
  }
  return a.word[0] > b.word[0];
}

// The largest integer whose square is at most `n` (less than 2^128).
uint64_t root(const Wide& n) {
  const uint64_t top = n.word[1] != 0 ? n.word[1] : n.word[0];
  if (top == 0) return 0;
  int bit = (63 - __builtin_clzll(top)) / 2 + (n.word[1] != 0 ? 32 : 0);
  uint64_t found = 0;
  for (; bit >= 0; --bit) {
    const uint64_t tried = found | uint64_t{1} << bit;
    if (!exceeds(square(tried), n)) found = tried;
  }
  return found;
}

}  // namespace

void add(int64_t value, Wide* sum) {
  const uint64_t sign = value < 0 ? ~uint64_t{0} : 0;
  add_words({{static_cast<uint64_t>(value), sign, sign}}, sum);
}

void add_square(int64_t value, Wide* sum) { add_words(square(magnitude(value)), sum); }

int64_t mean(const Wide& sum, uint64_t count) {
  const bool negative = sum.word[2] >> 63 != 0;
  Wide quotient = sum;
  if (negative) {
    quotient = {{1, 0, 0}};
    add_words({{~sum.word[0], ~sum.word[1], ~sum.word[2]}}, &quotient);
  }
  const uint64_t remainder = divide(&quotient, count);
  uint64_t result = quotient.word[0];
  const uint64_t rest = count - remainder;
  if (remainder > rest || (remainder == rest && result % 2 != 0)) ++result;
  return static_cast<int64_t>(negative ? -result : result);
}

// The root lies half way between two integers, or above, if the mean is r^2 + r + 1/4 or more.
uint64_t root_mean(const Wide& squares, uint64_t count) {
  Wide quotient = squares;
  const uint64_t remainder = divide(&quotient, count);
  uint64_t result = root(quotient);
  Wide half_way = square(result);
  add_words({{result, 0, 0}}, &half_way);
  if (exceeds(half_way, quotient)) return result;
  // Four times the remainder might not fit.
  const uint64_t quarter = count / 4;
  const bool is_tie = count % 4 == 0 && remainder == quarter;
  const bool is_equal = !exceeds(quotient, half_way);
  if (!is_equal || (is_tie ? result % 2 != 0 : remainder > quarter)) ++result;
  return result;
}

}  // namespace sdr
