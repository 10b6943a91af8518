#include "tools/cat/ticks.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace sdr::cat {
namespace {

constexpr double kPlainMax = 1e7;  // larger ones have an exponent
constexpr int kDecimalsMax = 6;

// 1, 2 or 5 times a power of ten, not less than `step`.
long double round_step(long double step) {
  const long double power = std::pow(10.0L, std::floor(std::log10(step)));
  for (const int times : {1, 2, 5}) {
    if (power * times >= step * 0.999999L) return power * times;
  }
  return power * 10;
}

std::string label_of(long double value, long double step, double largest) {
  char text[64];
  const int exponent = static_cast<int>(std::floor(std::log10(step) + 1e-9L));
  const int decimals = std::max(0, -exponent);
  if (largest < kPlainMax && decimals <= kDecimalsMax) {
    snprintf(text, sizeof text, "%.*Lf", decimals, value);
    return text;
  }
  const int digits = static_cast<int>(std::ceil(std::log10(std::fabs(largest) / step))) + 1;
  snprintf(text, sizeof text, "%.*Lg", std::clamp(digits, 1, 17), value);
  return text;
}

}  // namespace

std::vector<Tick> value_ticks(double low, double high, size_t count_max) {
  std::vector<Tick> found;
  const long double range = static_cast<long double>(high) - static_cast<long double>(low);
  if (!(range > 0) || count_max == 0) return found;
  long double step = round_step(range / static_cast<long double>(count_max));
  const double largest = std::max(std::fabs(low), std::fabs(high));
  for (int tries = 0; tries < 4; ++tries) {
    const long double slack = step * 1e-9L;
    const long double first = std::ceil((static_cast<long double>(low) - slack) / step);
    const long double last = std::floor((static_cast<long double>(high) + slack) / step);
    // Beyond this a step is less than the numbers' own.
    if (!std::isfinite(first) || std::fabs(first) > 1e17L || std::fabs(last) > 1e17L) return found;
    if (last - first + 1 > static_cast<long double>(count_max)) {
      step = round_step(step * 1.5L);
      continue;
    }
    for (long double i = first; i <= last; ++i)
      found.push_back({i * step, label_of(i == 0 ? 0 : i * step, step, largest)});
    return found;
  }
  return found;
}

std::string short_number(double value) {
  char text[64];
  const bool is_whole = value == std::floor(value) && std::fabs(value) < 0x1p53;
  snprintf(text, sizeof text, is_whole ? "%.0f" : "%.6g", value == 0 ? 0 : value);
  return text;
}

}  // namespace sdr::cat
