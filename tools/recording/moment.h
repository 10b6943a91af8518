// Moments as people write them on a command line, and ranges of time.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sdr::recording {

// From `from_us` on, up to but not with `to_us`; microseconds since the epoch.
struct TimeRange {
  int64_t from_us = INT64_MIN;
  int64_t to_us = INT64_MAX;

  bool is_all() const { return from_us == INT64_MIN && to_us == INT64_MAX; }
  // Whether something of `first_us` to `last_us`, both of which count, may lie in it.
  bool meets(int64_t first_us, int64_t last_us) const {
    return first_us < to_us && last_us >= from_us;
  }
};

// Reads a moment, in local time where it has no zone:
//   2026-11-22T20:15:00.123456, with a space for the T, without fraction, seconds or time of day;
//   20:15:00 (today); each with Z, UTC, +01:00, +0100 or +01 behind it, or without
//   20261122T201500.123456Z (as in the names of segments), @1795378500.5 (since the epoch)
//   now, today, yesterday, tomorrow
//   -1h30min, +10s, "2 days ago": from now_us; us ms s min h d w, in words, too
// What is finer than a microsecond is rounded up: so ranges that end or begin there hold exactly
// what they should. Empty: it is none, or one before 1970 or after 9999.
std::optional<int64_t> parse_moment(std::string_view text, int64_t now_us);

}  // namespace sdr::recording
