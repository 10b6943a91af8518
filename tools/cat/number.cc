#include "tools/cat/number.h"

#include <cmath>

namespace sdr::cat {
namespace {

constexpr double kIntegerEnd = 0x1p63;  // the first that no int64_t holds

// -1, 0 or 1, as `whole` is less than, equal to or more than `real`.
int compare(int64_t whole, double real) {
  if (real >= kIntegerEnd) return -1;
  if (real < -kIntegerEnd) return 1;
  const double floor = std::floor(real);
  const int64_t below = static_cast<int64_t>(floor);
  if (whole != below) return whole < below ? -1 : 1;
  return real > floor ? -1 : 0;
}

}  // namespace

bool is_less(const Number& a, const Number& b) {
  if (a.is_integer && b.is_integer) return a.integer < b.integer;
  if (a.is_integer) return compare(a.integer, b.real) < 0;
  if (b.is_integer) return compare(b.integer, a.real) > 0;
  return a.real < b.real;
}

}  // namespace sdr::cat
