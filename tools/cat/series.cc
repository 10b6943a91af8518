#include "tools/cat/series.h"

#include <algorithm>
#include <bit>

namespace sdr::cat {
namespace {

uint64_t distance(int64_t from, int64_t to) {
  return static_cast<uint64_t>(to) - static_cast<uint64_t>(from);
}

// How often numbers must be halved so that they are less than `count` apart.
int halvings(int64_t low, int64_t high, size_t count) {
  int times = 0;
  while (distance(low >> times, high >> times) >= count) ++times;
  return times;
}

}  // namespace

void Series::Bucket::take(const Bucket& other) {
  if (!is_used) {
    *this = other;
    return;
  }
  if (other.first.x < first.x) first = other.first;
  if (other.last.x >= last.x) last = other.last;
  if (other.low.y < low.y) low = other.low;
  if (other.high.y > high.y) high = other.high;
}

void Series::note_distance(int64_t x) {
  if (count_ > 0 && x > x_before_) {
    const uint64_t passed = distance(x_before_, x);
    const size_t bits = static_cast<size_t>(std::bit_width(passed));
    ++distances_[bits];
    passed_[bits] += static_cast<double>(passed);
  }
  x_before_ = x;
}

void Series::add(int64_t x, double y) {
  note_distance(x);
  const bool is_first = count_++ == 0;
  if (is_first) low_ = high_ = x >> shift_;
  x_min_ = is_first ? x : std::min(x_min_, x);
  x_max_ = is_first ? x : std::max(x_max_, x);
  y_min_ = is_first ? y : std::min(y_min_, y);
  y_max_ = is_first ? y : std::max(y_max_, y);
  const int64_t number = x >> shift_;
  const int times = halvings(std::min(low_, number), std::max(high_, number), buckets_.size());
  if (times > 0) widen(times);
  low_ = std::min(low_, x >> shift_);
  high_ = std::max(high_, x >> shift_);
  const Point point = {x, y};
  at(x >> shift_).take({true, point, point, point, point});
}

void Series::widen(int times) {
  std::vector<Bucket> before(buckets_.size());
  std::swap(before, buckets_);
  const int64_t low = low_;
  const uint64_t used = distance(low_, high_) + 1;
  shift_ += times;
  low_ >>= times;
  high_ >>= times;
  for (uint64_t i = 0; i < used; ++i) {
    const int64_t number = low + static_cast<int64_t>(i);
    const Bucket& bucket = before[static_cast<uint64_t>(number) % before.size()];
    if (bucket.is_used) at(number >> times).take(bucket);
  }
}

// No more than `rare` distances have more bits.
size_t Series::bits_of_usual(uint64_t rare) const {
  size_t bits = distances_.size() - 1;
  for (uint64_t more = distances_[bits]; bits > 0 && more <= rare; more += distances_[bits]) --bits;
  return bits;
}

uint64_t Series::gap() const {
  uint64_t total = 0;
  for (const uint64_t count : distances_) total += count;
  // Too few to call any of them usual.
  if (total < 3) return UINT64_MAX;
  size_t bits = bits_of_usual(std::max<uint64_t>(total / 10, 1));
  const size_t with_bursts = bits_of_usual(std::max<uint64_t>(total / 200, 1));
  double within = 0;
  double between = 0;
  for (size_t i = 0; i <= with_bursts; ++i) (i <= bits ? within : between) += passed_[i];
  if (between > within) bits = with_bursts;
  return bits >= 63 ? UINT64_MAX : uint64_t{2} << bits;
}

std::vector<Stroke> Series::strokes(size_t buckets_max) const {
  std::vector<Stroke> found;
  if (is_empty()) return found;
  Series merged = *this;
  const int times = halvings(low_, high_, std::max<size_t>(buckets_max, 1));
  if (times > 0) merged.widen(times);
  const uint64_t gap_min = gap();
  const uint64_t used = distance(merged.low_, merged.high_) + 1;
  for (uint64_t i = 0; i < used; ++i) {
    const Bucket& bucket = merged.at(merged.low_ + static_cast<int64_t>(i));
    if (!bucket.is_used) continue;
    std::array<Point, 4> points = {bucket.first, bucket.low, bucket.high, bucket.last};
    std::stable_sort(points.begin() + 1, points.end() - 1,
                     [](const Point& a, const Point& b) { return a.x < b.x; });
    if (found.empty() || distance(found.back().back().x, points[0].x) > gap_min)
      found.emplace_back();
    for (const Point& point : points) {
      if (found.back().empty() || found.back().back() != point) found.back().push_back(point);
    }
  }
  return found;
}

}  // namespace sdr::cat
