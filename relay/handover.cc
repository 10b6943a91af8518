#include "relay/handover.h"

#include <string.h>

#include "relay/clock.h"
#include "relay/intake.h"

namespace sdr {
namespace {

struct Kept {
  uint64_t is_valid;
  Sequence sequence;
  Losses losses;
};
static_assert(sizeof(Kept) <= sizeof CountersPage::kept);

Kept* kept_in(CountersPage* page) { return reinterpret_cast<Kept*>(page->kept); }

bool from_ring(int dir_fd, const Options& options, RingStart* start) {
  Result<Ring> left = Ring::open(dir_fd, "current");
  static Layout layout;
  size_t column;
  if (!left || left->head().finished.load() != 0 || !layout.parse(left->layout(), &column))
    return false;
  IntakeRules rules;
  rules.allow = {options.allow, options.allow_count};
  Intake(*left, layout, rules).foresee(realtime_ns(), &start->sequence, &start->losses);
  return true;
}

Sequence::Rule rule_of(const Options& options, const Layout& layout) {
  if (!options.has_sequence) return {0, 0, 0};
  const uint64_t wrap = options.sequence_wrap;
  const bool is_int = layout.number_type(options.sequence_ordinal) == 'i';
  if (is_int && wrap == 0) return {Sequence::kAsInt, options.sequence_ordinal, uint64_t{1} << 32};
  return {1, options.sequence_ordinal, wrap};
}

}  // namespace

void take_over(int dir_fd, const Options& options, const Layout& layout, CountersPage* page,
               RingStart* start) {
  Kept* const kept = kept_in(page);
  if ((dir_fd < 0 || !from_ring(dir_fd, options, start)) && kept->is_valid != 0) {
    start->sequence = kept->sequence;
    start->losses = kept->losses;
  }
  kept->is_valid = 0;
  if (!start->sequence.is_possible()) start->sequence = {};
  start->sequence.adopt(rule_of(options, layout));
  set(page->receiver.has_sequence, options.has_sequence);
}

void hand_over(const Ring& ring, CountersPage* page) {
  Kept* const kept = kept_in(page);
  const Committed committed = ring.head().committed.read();
  kept->sequence = committed.sequence;
  kept->losses = committed.open.losses;
  compiler_fence();
  kept->is_valid = 1;
}

}  // namespace sdr
