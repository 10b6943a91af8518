// What --stats gathers in one pass: of each numeric field, and of the datums' times.
#pragma once

#include <cstdint>
#include <optional>

#include "tools/cat/number.h"
#include "tools/lib/int128.h"

namespace sdr::cat {

// Of one field. Takes the same memory whatever is added.
class NumberStats {
 public:
  void add(const Number& number);
  void add_null() { ++nulls_; }
  void add_other() { ++others_; }  // a value of another branch of the field's union

  int64_t count() const { return count_; }  // of the finite numbers, which the rest is about
  int64_t nulls() const { return nulls_; }
  int64_t others() const { return others_; }
  int64_t nan() const { return nan_; }
  int64_t infinite() const { return infinite_; }
  // Of these nothing is meant while count() is 0.
  const Number& min() const { return min_; }
  const Number& max() const { return max_; }
  double mean() const;
  double stddev() const;  // of all there are, not of a sample: 0 for one

 private:
  int64_t count_ = 0;
  int64_t nulls_ = 0;
  int64_t others_ = 0;
  int64_t nan_ = 0;
  int64_t infinite_ = 0;
  Number min_;
  Number max_;
  Int128 sum_ = 0;  // of whole numbers
  int64_t whole_ = 0;
  // By Welford's method. A long double has room for the square of any double on most machines; on
  // the others numbers near the largest have no deviation.
  long double mean_ = 0;
  long double squares_ = 0;
};

// Of the times of datums, in the order of the files. Nanoseconds since the epoch.
class TimeStats {
 public:
  void add(int64_t time_ns);

  int64_t count() const { return count_; }
  int64_t first_ns() const { return first_ns_; }  // the earliest
  int64_t last_ns() const { return last_ns_; }
  double span_s() const;
  // Datums a second, from the first to the last; empty where no time passes.
  std::optional<double> rate() const;
  // The longest time without a datum, and when it began. A step back is none.
  double silence_s() const { return static_cast<double>(silence_ns_) / 1e9; }
  int64_t silence_from_ns() const { return silence_from_ns_; }

 private:
  int64_t count_ = 0;
  int64_t first_ns_ = 0;
  int64_t last_ns_ = 0;
  int64_t before_ns_ = 0;
  uint64_t silence_ns_ = 0;
  int64_t silence_from_ns_ = 0;
};

}  // namespace sdr::cat
