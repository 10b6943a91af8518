// The sequence numbers that a channel has lost, as its relay keeps the last of them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "relay/format/counters.h"
#include "tools/lib/json.h"

namespace sdr::status {

struct LostRange {
  uint64_t time_ns;  // of the datum behind them, wall clock
  int64_t first;     // as the field has it
  uint64_t count;
};

struct Gaps {
  std::string name;
  std::shared_ptr<CountersPage> page;  // a copy
  std::vector<LostRange> ranges;       // those kept in it, oldest first
};

// The ranges that are kept in a copy of a page, oldest first. `gaps_now` is what its
// `sequence.gaps` had become when the copy was complete. The relay fills a range before it counts
// it, so of those that the page has room for it may be at the oldest at any time: that one is left
// out, and so is what it has come to meanwhile.
std::vector<LostRange> kept_ranges(const CountersPage& page, uint64_t gaps_now);

// Appends one object of `channels`, as sdr-stat(1) lists its members.
void print_gaps(const Gaps& gaps, JsonWriter* out);

// A line per range below a head, where there are any, then one per channel that tells the sum.
std::string gaps_text(const std::vector<Gaps>& channels);

}  // namespace sdr::status
