// When each datum of a replay is due. Pure; times are nanoseconds.
//
// All that is replayed shares one Pace: a datum of time t is due (t - t0) / speed after the start,
// whatever the ones before it took, so that nothing drifts and channels stay in step.
#pragma once

#include <cstdint>

#include "tools/lib/time_ns.h"

namespace sdr {

// The times of one recording, in the order of its file, made to never go back.
//
// What goes back by less than kDisorder_ns had been overtaken on its way, and gets the time of the
// one before. By more: the clock was set. Then the pace goes on as it was, at the interval before.
class Timeline {
 public:
  static constexpr int64_t kDisorder_ns = 1000000000;
  int64_t place(int64_t time_ns);
  // For a datum of which no time is known: that of the one before.
  int64_t last() const { return last_ns_; }
  uint64_t clock_steps() const { return clock_steps_; }

 private:
  bool begun_ = false;
  int64_t last_ns_ = 0;
  int64_t interval_ns_ = 0;
  int64_t shift_ns_ = 0;
  uint64_t clock_steps_ = 0;
};

class Pace {
 public:
  // `speed` 0: everything is due at once. Pauses of the recording that are longer than
  // `gap_max_ns` are cut to that; -1: they are not.
  Pace(double speed, int64_t gap_max_ns) : speed_(speed), gap_max_ns_(gap_max_ns) {}

  // The first datum, of time `first_ns`, is due at `start_ns`.
  void start(int64_t start_ns, int64_t first_ns);
  // When a datum is due. Called in the order of the times, for each once or more.
  int64_t due(int64_t time_ns);

  // How far of the recording that has come, without what was cut.
  int64_t elapsed_ns() const { return last_ns_ - first_ns_ - cut_ns_; }
  int64_t cut_ns() const { return cut_ns_; }

 private:
  double speed_;
  int64_t gap_max_ns_;
  int64_t start_ns_ = 0;
  int64_t first_ns_ = 0;
  int64_t last_ns_ = 0;
  int64_t cut_ns_ = 0;
};

}  // namespace sdr
