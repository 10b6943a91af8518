// A number of a datum, as it was recorded: whole numbers stay exact.
#pragma once

#include <cstdint>

namespace sdr::cat {

struct Number {
  bool is_integer = true;
  int64_t integer = 0;
  double real = 0;

  static constexpr Number of(int64_t value) { return {true, value, 0}; }
  static constexpr Number of(double value) { return {false, 0, value}; }
  double as_double() const { return is_integer ? static_cast<double>(integer) : real; }
  long double as_long_double() const {
    return is_integer ? static_cast<long double>(integer) : static_cast<long double>(real);
  }
};

// Whether `a` < `b`, exactly, also where one is whole and the other is not. Neither is NaN.
bool is_less(const Number& a, const Number& b);

}  // namespace sdr::cat
