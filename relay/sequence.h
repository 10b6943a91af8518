// The numbers that datums carry: which never came, came twice, or came late.
//
// A number that is passed over is waited for until kWindow later ones have come, or for one to two
// seconds: then it is lost, and the run of numbers it is in is a gap. So a count never has to be
// taken back. One that comes in that time was reordered; one that comes later still is counted as
// reordered, too, and stays lost.
//
// A jump of more than kWindow, forward or back, may be a source that begins anew, a long gap, or a
// stray datum: the next datum tells. If it follows the one that jumped, numbering goes on from
// there: after a gap, or, where it went back or further than kJumpMax, after a reset. Otherwise the
// one that jumped was a late one.
//
// State is plain, so that it can be committed with the datums it was made from (ring.h): whoever
// comes after a kill goes on exactly where it stood.
#pragma once

#include <stdint.h>

#include "relay/format/counters.h"

namespace sdr {

struct SequenceCounts {
  uint64_t gaps, lost, duplicates, reordered, resets;
};

class Sequence {
 public:
  static constexpr uint64_t kWindow = 1024;
  static constexpr uint32_t kAsInt = 2;
  static constexpr uint64_t kJumpMax = uint64_t{1} << 31;

  // What is in force from now on: numbers count modulo `wrap` (0: 2^64).
  struct Rule {
    uint32_t watched;  // 0: nothing is; kAsInt: the field is an int, and shown as one
    uint32_t ordinal;  // of the number in the datum
    uint64_t wrap;
  };
  // A run of lost numbers.
  struct Range {
    uint64_t first;
    uint64_t count;
    int64_t time_ns;
  };

  // Whether it has gone by the same rule. Otherwise it begins anew, with its counts.
  void adopt(const Rule& rule);

  // The receive time of what is noted, and where lost ranges are shown; may be null.
  struct Moment {
    int64_t time_ns;
    ReceiverCounters* page;
  };
  // Whether what was left by others can be gone on with.
  bool is_possible() const;

  // A datum has this number.
  void note(int64_t number, const Moment& moment);
  // A second has gone by: what was missing before it is lost.
  void tick(const Moment& moment);
  // Nothing is waited for any longer.
  void settle(const Moment& moment) { settle_until(next_, moment); }

  const Rule& rule() const { return rule_; }
  const SequenceCounts& counts() const { return counts_; }

 private:
  uint64_t window() const {
    if (rule_.wrap == 0 || rule_.wrap / 2 > kWindow) return kWindow;
    return rule_.wrap < 4 ? 1 : (rule_.wrap - 1) / 2;
  }
  uint64_t ahead(uint64_t from, uint64_t to) const {
    return to >= from ? to - from : to + (rule_.wrap - from);
  }
  uint64_t value_at(uint64_t place) const;
  bool has_come(uint64_t place) const {
    return (come_[place / 64 % kWords] >> place % 64 & 1) != 0;
  }
  void mark(uint64_t place, bool come);
  void begin(uint64_t value);
  bool take(uint64_t value, const Moment& moment);
  void advance(uint64_t place, const Moment& moment);
  void settle_until(uint64_t place, const Moment& moment);
  void lose(uint64_t first_place, uint64_t count, const Moment& moment);

  static constexpr uint64_t kWords = kWindow / 64;

  Rule rule_;
  SequenceCounts counts_;
  // Numbers have places, which never wrap: `next_` is expected, with value next_value_; what of the
  // kWindow before it has come is in come_; all before settled_ is decided.
  uint64_t next_;
  uint64_t next_value_;
  uint64_t settled_;
  uint64_t ticked_;  // next_ at the last tick
  uint64_t come_[kWords];
  uint64_t jumped_to_;
  uint32_t has_jumped_;
  uint32_t has_begun_;
  uint64_t in_gap_;  // the number before settled_ was lost
  Range range_;
};

}  // namespace sdr
