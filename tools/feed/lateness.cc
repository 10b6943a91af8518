#include "tools/feed/lateness.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace sdr {
namespace {

// Only one thread writes: no other one's addition can come in between.
template <typename T>
void set(std::atomic<T>* to, T value) {
  to->store(value, std::memory_order_relaxed);
}

}  // namespace

// The first two doublings' worth of numbers have a bucket each; from then on each doubling has
// 1 << kStepBits.
size_t Lateness::bucket_of(uint64_t late_ns) {
  const unsigned bits = static_cast<unsigned>(std::bit_width(late_ns));
  if (bits <= kStepBits + 1) return late_ns;
  const unsigned shift = bits - kStepBits - 1;
  return (static_cast<size_t>(shift) << kStepBits) + (late_ns >> shift);
}

uint64_t Lateness::top_of(size_t bucket) {
  if (bucket < size_t{2} << kStepBits) return bucket;
  const size_t shift = (bucket >> kStepBits) - 1;
  const uint64_t step = (bucket & ((1u << kStepBits) - 1)) + (1u << kStepBits);
  return ((step + 1) << shift) - 1;
}

void Lateness::add(int64_t late_ns) {
  const int64_t late = std::max<int64_t>(late_ns, 0);
  std::atomic<uint64_t>& bucket = buckets_[bucket_of(static_cast<uint64_t>(late))];
  set(&bucket, bucket.load(std::memory_order_relaxed) + 1);
  set(&count_, count() + 1);
  if (late > max_ns()) set(&max_ns_, late);
  set(&last_ns_, late);
}

int64_t Lateness::percentile_ns(double share) const {
  const uint64_t all = count();
  if (all == 0) return 0;
  const uint64_t rank =
      std::max<uint64_t>(static_cast<uint64_t>(std::ceil(share * static_cast<double>(all))), 1);
  uint64_t seen = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    seen += buckets_[i].load(std::memory_order_relaxed);
    if (seen >= rank) return std::min(static_cast<int64_t>(top_of(i)), max_ns());
  }
  return max_ns();
}

}  // namespace sdr
