#include "relay/silence.h"

#include <time.h>

#include "relay/clock.h"
#include "relay/log.h"

namespace sdr {
namespace {

constexpr int64_t kLookEveryNs = 1100000000;  // with a little more than that

unsigned long long to_ms(int64_t ns) { return static_cast<unsigned long long>(ns / 1000000); }

}  // namespace

Silence::Silence(uint64_t limit_ms, ReceiverCounters& counters)
    : limit_ns_(static_cast<int64_t>(limit_ms) * 1000000),
      counters_(counters),
      since_ns_(clock_ns(CLOCK_BOOTTIME)),
      since_wall_ns_(realtime_ns()) {
  set(counters.silence_ns, static_cast<uint64_t>(limit_ns_));
  set(counters.silent_since_ns, 0);
}

void Silence::look(int64_t now_wall_ns) {
  if (limit_ns_ == 0) return;
  const int64_t now_ns = clock_ns(CLOCK_BOOTTIME);
  if (has_heard_) {
    has_heard_ = false;
    int64_t ago_ns = now_wall_ns - static_cast<int64_t>(get(counters_.last_datagram_time_ns));
    if (ago_ns < 0 || ago_ns > kLookEveryNs) ago_ns = 0;  // no datum, or the clock was set
    since_ns_ = now_ns - ago_ns;
    since_wall_ns_ = now_wall_ns - ago_ns;
  }
  if (is_silent_ || now_ns - since_ns_ < limit_ns_) return;
  is_silent_ = true;
  set(counters_.silent_since_ns, static_cast<uint64_t>(since_wall_ns_));
  add(counters_.silences, 1);
  log_line("warning", "no datagram for %llu ms", to_ms(now_ns - since_ns_));
}

void Silence::hear_again() {
  is_silent_ = false;
  set(counters_.silent_since_ns, 0);
  log_line("info", "datagrams come again, after %llu ms",
           to_ms(clock_ns(CLOCK_BOOTTIME) - since_ns_));
}

}  // namespace sdr
