// How late datums left: a histogram that one thread adds to while others read.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace sdr {

class Lateness {
 public:
  // By one thread only.
  void add(int64_t late_ns);

  uint64_t count() const { return count_.load(std::memory_order_relaxed); }
  int64_t max_ns() const { return max_ns_.load(std::memory_order_relaxed); }
  int64_t last_ns() const { return last_ns_.load(std::memory_order_relaxed); }
  // What a `share` (0.99) of them did not exceed, to the next 6 %; 0 without any.
  int64_t percentile_ns(double share) const;

 private:
  static constexpr unsigned kStepBits = 4;  // steps within a doubling, as a power of two
  static constexpr size_t kBuckets = (64 - kStepBits) << kStepBits;
  static size_t bucket_of(uint64_t late_ns);
  static uint64_t top_of(size_t bucket);

  std::array<std::atomic<uint64_t>, kBuckets> buckets_ = {};
  std::atomic<uint64_t> count_ = 0;
  std::atomic<int64_t> max_ns_ = 0;
  std::atomic<int64_t> last_ns_ = 0;
};

}  // namespace sdr
