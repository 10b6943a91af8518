#include "tools/cat/stats.h"

#include <algorithm>
#include <cmath>

namespace sdr::cat {

void NumberStats::add(const Number& number) {
  if (!number.is_integer && !std::isfinite(number.real)) {
    std::isnan(number.real) ? ++nan_ : ++infinite_;
    return;
  }
  if (count_ == 0 || is_less(number, min_)) min_ = number;
  if (count_ == 0 || is_less(max_, number)) max_ = number;
  ++count_;
  whole_ += number.is_integer;
  sum_ += number.integer;
  const long double value = number.as_long_double();
  const long double distance = value - mean_;
  mean_ += distance / static_cast<long double>(count_);
  squares_ += distance * (value - mean_);
}

// Rounding must not put it beside what it is the mean of.
double NumberStats::mean() const {
  const bool is_exact = whole_ == count_ && count_ > 0;
  const long double mean =
      is_exact ? static_cast<long double>(sum_) / static_cast<long double>(count_) : mean_;
  return std::clamp(static_cast<double>(mean), min_.as_double(), max_.as_double());
}

double NumberStats::stddev() const {
  if (count_ < 2) return 0;
  return static_cast<double>(std::sqrt(squares_ / static_cast<long double>(count_)));
}

void TimeStats::add(int64_t time_ns) {
  if (count_++ == 0) {
    first_ns_ = last_ns_ = before_ns_ = time_ns;
    return;
  }
  const uint64_t passed =
      time_ns > before_ns_ ? static_cast<uint64_t>(time_ns) - static_cast<uint64_t>(before_ns_) : 0;
  if (passed > silence_ns_) {
    silence_ns_ = passed;
    silence_from_ns_ = before_ns_;
  }
  before_ns_ = time_ns;
  first_ns_ = std::min(first_ns_, time_ns);
  last_ns_ = std::max(last_ns_, time_ns);
}

double TimeStats::span_s() const {
  return static_cast<double>(static_cast<uint64_t>(last_ns_) - static_cast<uint64_t>(first_ns_)) /
         1e9;
}

std::optional<double> TimeStats::rate() const {
  if (span_s() <= 0) return {};
  return static_cast<double>(count_ - 1) / span_s();
}

}  // namespace sdr::cat
