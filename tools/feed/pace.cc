#include "tools/feed/pace.h"

#include <algorithm>

#include "tools/lib/int128.h"

namespace sdr {

int64_t Timeline::place(int64_t time_ns) {
  const int64_t at_ns = clamp_time_ns(Int128{time_ns} + shift_ns_);
  if (!begun_) {
    begun_ = true;
    last_ns_ = at_ns;
  } else if (at_ns < last_ns_ - kDisorder_ns) {
    ++clock_steps_;
    last_ns_ = clamp_time_ns(Int128{last_ns_} + interval_ns_);
    shift_ns_ = last_ns_ - time_ns;
  } else if (at_ns > last_ns_) {
    interval_ns_ = at_ns - last_ns_;
    last_ns_ = at_ns;
  }
  return last_ns_;
}

void Pace::start(int64_t start_ns, int64_t first_ns) {
  start_ns_ = start_ns;
  first_ns_ = last_ns_ = first_ns;
  cut_ns_ = 0;
}

int64_t Pace::due(int64_t time_ns) {
  const int64_t gap_ns = time_ns - last_ns_;
  if (gap_max_ns_ >= 0 && gap_ns > gap_max_ns_) cut_ns_ += gap_ns - gap_max_ns_;
  last_ns_ = std::max(last_ns_, time_ns);
  if (speed_ == 0) return start_ns_;
  // A double has room for 104 days to the nanosecond; speed 1 needs none.
  const int64_t recorded_ns = std::max<int64_t>(time_ns - first_ns_ - cut_ns_, 0);
  const double scaled_ns = static_cast<double>(recorded_ns) / speed_;
  const int64_t after_ns = speed_ == 1 ? recorded_ns
                           : scaled_ns < static_cast<double>(kTimeMax_ns)
                               ? static_cast<int64_t>(scaled_ns)
                               : kTimeMax_ns;
  return after_ns > INT64_MAX - start_ns_ ? INT64_MAX : start_ns_ + after_ns;
}

}  // namespace sdr
