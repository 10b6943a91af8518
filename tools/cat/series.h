// The course of one field over time, in a memory that does not grow with it.
//
// Points are gathered in buckets of equal width along x. Of each bucket the first, the lowest, the
// highest and the last point are kept as they were: a line through these four covers, in a column
// that is no narrower than the bucket, exactly what a line through all of them would, so no spike
// is lost. Where x goes beyond the buckets there are, pairs of them become one, and all are twice
// as wide. Widths are powers of two, so that no bucket is ever split. x may go back.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace sdr::cat {

struct Point {
  int64_t x = 0;
  double y = 0;
  bool operator==(const Point&) const = default;
};

// Points to draw a line through.
using Stroke = std::vector<Point>;

class Series {
 public:
  static constexpr size_t kBuckets = 4096;

  // `buckets` is a power of two, at least 2.
  explicit Series(size_t buckets = kBuckets) : buckets_(buckets) {}

  // `y` is finite.
  void add(int64_t x, double y);

  bool is_empty() const { return count_ == 0; }
  int64_t count() const { return count_; }
  int64_t x_min() const { return x_min_; }
  int64_t x_max() const { return x_max_; }
  double y_min() const { return y_min_; }
  double y_max() const { return y_max_; }

  // The distance in x from which on points on either side do not belong together: two to four
  // times the usual one, which nine of ten do not exceed, or all but one of a few; but where
  // points come in bursts, that between bursts.
  uint64_t gap() const;
  // The points kept, by x, of at most `buckets_max` buckets; a new stroke begins behind each gap.
  std::vector<Stroke> strokes(size_t buckets_max = SIZE_MAX) const;

 private:
  struct Bucket {
    bool is_used = false;
    Point first, low, high, last;
    void take(const Bucket& other);
  };
  Bucket& at(int64_t index) { return buckets_[static_cast<uint64_t>(index) % buckets_.size()]; }
  const Bucket& at(int64_t index) const {
    return buckets_[static_cast<uint64_t>(index) % buckets_.size()];
  }
  void note_distance(int64_t x);
  size_t bits_of_usual(uint64_t rare) const;
  void widen(int times);

  std::vector<Bucket> buckets_;  // that of x is number x >> shift_, modulo their count
  int shift_ = 0;
  int64_t low_ = 0;  // numbers of the first and the last bucket that is used
  int64_t high_ = 0;
  int64_t count_ = 0;
  int64_t x_min_ = 0;
  int64_t x_max_ = 0;
  double y_min_ = 0;
  double y_max_ = 0;
  int64_t x_before_ = 0;
  // Of the distances that have that many bits, how many there are, and their sum.
  std::array<uint64_t, 65> distances_ = {};
  std::array<double, 65> passed_ = {};
};

}  // namespace sdr::cat
