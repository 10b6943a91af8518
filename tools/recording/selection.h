// Which segments of a channel, and which parts of a segment, may hold what was received in a range
// of time: by names and index rows alone, without a look into the data.
//
// Rows are variable in size and a set clock shows only in the rows themselves, so an index, which
// is small, is read as a whole; what is saved is the reading of the segments.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "relay/format/index.h"
#include "tools/recording/moment.h"

namespace sdr::recording {

enum class Trust : uint8_t {
  kWhole,   // all that is in it was received in the range, or near enough
  kEach,    // each datum is to be judged by itself
  kUnsure,  // nothing says when it was received, but what stands around it allows for the range
};

constexpr uint64_t kFileEnd = UINT64_MAX;

// The blocks of a segment that begin from `begin` to before `end`.
struct Span {
  uint64_t begin;
  uint64_t end;
  Trust trust;
  bool operator==(const Span&) const = default;
};

class SpanPlan {
 public:
  // `judges`: datums say by themselves when they were received. The first block stands at
  // `header_bytes`; `start_us` is when the segment was begun, or -1.
  SpanPlan(const TimeRange& range, bool judges, uint64_t header_bytes, int64_t start_us);

  void add(const IndexRow& row);
  // Where the block of the last row begins, which is what finish() needs to know the end of.
  uint64_t last_offset() const { return last_offset_; }
  bool knows_times() const { return knows_times_; }
  // The parts to read, in order. What is behind `rows_end` has no rows.
  std::vector<Span> finish(uint64_t rows_end);

 private:
  void begin_part(uint64_t offset, bool is_wanted, Trust trust);
  void settle_unknown(int64_t until_us);

  TimeRange range_;
  bool judges_;
  int64_t known_us_;  // the last time before what comes next
  uint64_t last_offset_;
  bool knows_times_ = false;
  bool has_unknown_ = true;     // blocks without times …
  uint64_t unknown_begin_ = 0;  // … from here on wait for the next time
  bool clock_stepped_ = false;  // within them
  bool is_open_ = false;        // the last span has no end yet
  std::vector<Span> spans_;
};

// Which of a channel's sealed segments, by the times in their names, which ascend. A segment holds
// what was received from its own time on to that of the next one, but
//   where the clock had been set back a name is 1 µs behind the one before it, and says nothing;
//   a recovered segment, which lies between the others' times, does not end the one before it.
// `is_recovered` is only asked where it matters: of the segment that was begun last before the
// range, and of those before that one as long as the answer is yes.
std::vector<bool> choose_segments(std::span<const int64_t> starts_us, const TimeRange& range,
                                  const std::function<bool(size_t)>& is_recovered);

}  // namespace sdr::recording
