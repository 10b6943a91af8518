// What a replay says of itself, while it runs and at its end. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace sdr {

struct ReplayState {
  uint64_t datagrams = 0;
  uint64_t bytes = 0;
  uint64_t errors = 0;
  uint64_t refused = 0;  // answers that nobody listens
  int last_errno = 0;
  double seconds = 0;  // since the first datum was due
  bool is_paced = true;
  int64_t late_p50_ns = 0;
  int64_t late_p99_ns = 0;
  int64_t late_max_ns = 0;
  int64_t late_last_ns = 0;
  int64_t recorded_at_ns = 0;              // time of the datum sent last, since the epoch
  int64_t played_ns = 0;                   // of the recording, without what was cut
  std::optional<int64_t> to_play_ns = {};  // all of it, where that is known
  double speed = 1;                        // 0: as fast as it goes
  uint64_t clock_steps = 0;                // back, within the recordings
  uint64_t slow_reads = 0;                 // how often reading was not ahead
};

// "21 us", "1.5 ms", "2.0 s".
std::string late_text(int64_t late_ns);
// "59 min 12 s".
std::string long_text(double seconds);

// " 12%  2026-11-22T20:15:03+0100, 1200 datagrams, 600.0/s, late by 21 us p50, …, 58 s left".
std::string progress_text(const ReplayState& state);
// The lines that tell of it at its end, and the same as JSON.
std::string summary_text(const ReplayState& state);
std::string summary_json(const ReplayState& state);

}  // namespace sdr
