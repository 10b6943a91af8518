#include "tools/feed/feed_values.h"

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "relay/clock.h"
#include "tools/config/units.h"

namespace sdr {

bool feed_real(const char* text, double least, double most, double* out) {
  char* end;
  *out = std::strtod(text, &end);
  return end != text && *end == '\0' && std::isfinite(*out) && *out >= least && *out <= most;
}

bool feed_whole(const char* text, uint64_t least, uint64_t most, uint64_t* out) {
  if (*text < '0' || *text > '9') return false;
  char* end;
  errno = 0;
  *out = std::strtoull(text, &end, 10);
  return errno == 0 && *end == '\0' && *out >= least && *out <= most;
}

bool feed_signal(const std::string& text, Signal* out) {
  constexpr const char* kNames[] = {"sine", "ramp", "noise", "square"};
  for (int i = 0; i < 4; ++i) {
    if (text == kNames[i]) {
      *out = static_cast<Signal>(i);
      return true;
    }
  }
  return false;
}

bool feed_time(const char* text, int64_t* out) {
  const std::optional<int64_t> time = recording::parse_moment(text, realtime_us());
  if (time) *out = *time;
  return time.has_value();
}

bool feed_gap(const char* text, int64_t* out_ns) {
  const Quantity gap = parse_duration_us(text);
  if (gap.error.empty()) *out_ns = static_cast<int64_t>(gap.value) * 1000;
  return gap.error.empty();
}

bool feed_speed(const char* text, double* out) {
  *out = 0;
  return std::strcmp(text, "max") == 0 || std::strcmp(text, "0") == 0 ||
         feed_real(text, 1e-6, 1e6, out);
}

}  // namespace sdr
