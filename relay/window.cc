#include "relay/window.h"

namespace sdr {
namespace {

constexpr int64_t kSecondNs = 1000000000;
// What was received just before the end may still be on its way to the socket.
constexpr int64_t kGraceNs = 1000000;

}  // namespace

// Nothing overflows before the year 2262 at rates of up to 4 MHz.
int64_t Window::number_of(int64_t time_ns) const {
  const int64_t rate = static_cast<int64_t>(options_.rate_mhz);
  return (time_ns / kSecondNs * rate + time_ns % kSecondNs * rate / kSecondNs) / 1000;
}

bool Window::ends_before(int64_t time_ns) const {
  if (count_ == 0) return false;
  if (has_waited(time_ns)) return true;
  if (options_.rate_mhz == 0) return false;
  const int64_t number = number_of(time_ns);
  return number > number_ || (number < number_ && first_ns_ - time_ns >= kSecondNs);
}

void Window::put(int64_t time_ns) {
  if (count_++ > 0) return;
  first_ns_ = time_ns;
  if (options_.rate_mhz > 0) number_ = number_of(time_ns);
}

bool Window::is_due(int64_t now_ns) const {
  if (count_ == 0) return false;
  return has_waited(now_ns) || (options_.rate_mhz > 0 && number_of(now_ns - kGraceNs) > number_);
}

int64_t Window::patience_ns() const {
  int64_t patience = INT64_MAX;
  if (options_.rate_mhz > 0) patience = 1000 * kSecondNs / static_cast<int64_t>(options_.rate_mhz);
  if (options_.max_wait_ns > 0 && options_.max_wait_ns < patience) patience = options_.max_wait_ns;
  return patience;
}

}  // namespace sdr
