#include "relay/sequence.h"

#include <string.h>

namespace sdr {
namespace {

constexpr uint64_t kPlaceMax = uint64_t{1} << 63;

}  // namespace

void Sequence::adopt(const Rule& rule) {
  if (rule_.watched == rule.watched && rule_.ordinal == rule.ordinal && rule_.wrap == rule.wrap)
    return;
  rule_ = rule;
  has_begun_ = has_jumped_ = 0;
}

bool Sequence::is_possible() const {
  const uint64_t last = rule_.wrap - 1;  // 2^64 - 1 where it is 0
  return rule_.wrap != 1 && next_value_ <= last && jumped_to_ <= last && next_ < kPlaceMax &&
         settled_ <= next_ && next_ - settled_ <= kWindow && ticked_ <= next_;
}

void Sequence::mark(uint64_t place, bool come) {
  uint64_t& word = come_[place / 64 % kWords];
  const uint64_t bit = uint64_t{1} << place % 64;
  word = come ? word | bit : word & ~bit;
}

uint64_t Sequence::value_at(uint64_t place) const {
  const uint64_t back = next_ - place;  // wraps where it lies ahead
  if (rule_.wrap == 0) return next_value_ - back;
  const uint64_t steps = place <= next_ ? back % rule_.wrap : rule_.wrap - -back % rule_.wrap;
  return ahead(steps % rule_.wrap, next_value_);
}

void Sequence::begin(uint64_t value) {
  memset(come_, 0, sizeof come_);
  next_ += 2 * kWindow;  // nothing that was before is near
  mark(next_ - 1, true);
  next_value_ = rule_.wrap == 0 || value + 1 < rule_.wrap ? value + 1 : 0;
  settled_ = ticked_ = next_;
  in_gap_ = 0;
  has_begun_ = 1;
}

void Sequence::note(int64_t number, const Moment& moment) {
  uint64_t value = static_cast<uint64_t>(number);
  if (rule_.wrap != 0) {
    // 2^64 is a multiple of 2^32, so that a negative int wraps as its own width does.
    const uint64_t magnitude = number < 0 ? -value : value;
    value = magnitude % rule_.wrap;
    if (number < 0 && value != 0) value = rule_.wrap - value;
  }
  if (!has_begun_) {
    begin(value);
    return;
  }
  if (has_jumped_) {
    has_jumped_ = 0;
    const uint64_t from_jump = ahead(jumped_to_, value);
    if (from_jump >= 1 && from_jump <= window()) {
      const uint64_t jump = ahead(next_value_, jumped_to_);
      const uint64_t half = rule_.wrap / 2;
      const bool back = rule_.wrap == 0 ? jump >> 63 != 0 : jump >= half;
      if (back || jump > kJumpMax) {
        settle(moment);
        ++counts_.resets;
        begin(jumped_to_);
      } else {
        advance(next_ + jump, moment);
      }
    } else {
      ++counts_.reordered;
    }
  }
  if (take(value, moment)) return;
  has_jumped_ = 1;
  jumped_to_ = value;
}

// False: it is too far away.
bool Sequence::take(uint64_t value, const Moment& moment) {
  const uint64_t forward = ahead(next_value_, value);
  const uint64_t back = ahead(value, next_value_);
  if (forward <= window()) {
    advance(next_ + forward, moment);
    return true;
  }
  if (back > window()) return false;
  const uint64_t place = next_ - back;
  if (has_come(place)) {
    ++counts_.duplicates;
  } else {
    ++counts_.reordered;
    mark(place, true);
  }
  return true;
}

// The number at `place`, which is expected or later, has come.
void Sequence::advance(uint64_t place, const Moment& moment) {
  const uint64_t after = place + 1;
  const uint64_t before = next_;
  const uint64_t value = value_at(place);
  const uint64_t kept_from = after - window();
  if (kept_from > settled_) {
    settle_until(kept_from < next_ ? kept_from : next_, moment);
    if (kept_from > next_) {
      lose(next_, kept_from - next_, moment);
      settled_ = kept_from;
    }
  }
  for (uint64_t p = after - before > kWindow ? after - kWindow : before; p < place; ++p)
    mark(p, false);
  mark(place, true);
  next_ = after;
  next_value_ = rule_.wrap == 0 || value + 1 < rule_.wrap ? value + 1 : 0;
}

void Sequence::tick(const Moment& moment) {
  if (!has_begun_) return;
  if (ticked_ > settled_) settle_until(ticked_, moment);
  ticked_ = next_;
}

void Sequence::settle_until(uint64_t place, const Moment& moment) {
  for (; settled_ < place; ++settled_) {
    if (has_come(settled_)) {
      in_gap_ = 0;
    } else {
      lose(settled_, 1, moment);
    }
  }
}

void Sequence::lose(uint64_t first_place, uint64_t count, const Moment& moment) {
  counts_.lost += count;
  if (in_gap_) {
    range_.count += count;
  } else {
    ++counts_.gaps;
    in_gap_ = 1;
    range_ = {value_at(first_place), count, moment.time_ns};
  }
  if (!moment.page) return;
  LostNumbers& shown = moment.page->lost_ranges[(counts_.gaps - 1) % kLostRangesKept];
  const int64_t as_int = static_cast<int32_t>(range_.first);
  set(shown.first, rule_.watched == kAsInt ? static_cast<uint64_t>(as_int) : range_.first);
  set(shown.count, range_.count);
  set(shown.time_ns, static_cast<uint64_t>(range_.time_ns));
  moment.page->sequence.gaps.store(counts_.gaps, Order::kRelease);
}

}  // namespace sdr
