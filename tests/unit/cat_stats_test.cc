#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "tools/cat/stats.h"
#include "tools/cat/stats_text.h"

using namespace sdr::cat;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

NumberStats stats_of(const std::vector<double>& values) {
  NumberStats stats;
  for (const double value : values) stats.add(Number::of(value));
  return stats;
}

}  // namespace

TEST_CASE("cat stats: numbers compare exactly, whole or not") {
  constexpr int64_t kBig = int64_t{1} << 53;
  const Number ordered[] = {Number::of(-kInfinity),
                            Number::of(-0x1p63 * 2),
                            Number::of(INT64_MIN),
                            Number::of(INT64_MIN + 1),
                            Number::of(-1.5),
                            Number::of(int64_t{-1}),
                            Number::of(-0.5),
                            Number::of(int64_t{0}),
                            Number::of(0.5),
                            Number::of(int64_t{kBig}),
                            Number::of(int64_t{kBig + 1}),
                            Number::of(0x1p53 + 2),
                            Number::of(INT64_MAX - 1),
                            Number::of(INT64_MAX),
                            Number::of(0x1p63),
                            Number::of(kInfinity)};
  for (size_t i = 0; i < std::size(ordered); ++i) {
    for (size_t k = 0; k < std::size(ordered); ++k) {
      CAPTURE(i);
      CAPTURE(k);
      CHECK(is_less(ordered[i], ordered[k]) == (i < k));
    }
  }
  CHECK_FALSE(is_less(Number::of(INT64_MIN), Number::of(-0x1p63)));
  CHECK_FALSE(is_less(Number::of(-0x1p63), Number::of(INT64_MIN)));
}

TEST_CASE("cat stats: as the plain formulas have it") {
  std::mt19937_64 random(7);
  for (const double offset : {0.0, 1e9, -1e15}) {
    std::vector<double> values;
    long double sum = 0;
    for (int i = 0; i < 10000; ++i) {
      values.push_back(offset + static_cast<double>(random() % 100000) / 7);
      sum += static_cast<long double>(values.back());
    }
    const long double mean = sum / 10000;
    long double squares = 0;
    for (const double value : values)
      squares +=
          (static_cast<long double>(value) - mean) * (static_cast<long double>(value) - mean);
    const NumberStats stats = stats_of(values);
    CHECK(stats.count() == 10000);
    CHECK(stats.mean() == doctest::Approx(static_cast<double>(mean)).epsilon(1e-14));
    CHECK(stats.stddev() ==
          doctest::Approx(static_cast<double>(std::sqrt(squares / 10000))).epsilon(1e-8));
    CHECK(stats.min().real == *std::min_element(values.begin(), values.end()));
    CHECK(stats.max().real == *std::max_element(values.begin(), values.end()));
  }
}

TEST_CASE("cat stats: at the edges") {
  const NumberStats none;
  CHECK(none.count() == 0);
  CHECK(none.stddev() == 0);
  const NumberStats one = stats_of({-4.5});
  CHECK(one.mean() == -4.5);
  CHECK(one.stddev() == 0);
  const NumberStats apart = stats_of({kNan, 1, kInfinity, 3, -kInfinity, -kNan});
  CHECK(apart.count() == 2);
  CHECK(apart.nan() == 2);
  CHECK(apart.infinite() == 2);
  CHECK(apart.mean() == 2);
  CHECK(apart.stddev() == 1);
  CHECK(apart.max().real == 3);
  NumberStats whole;
  for (const int64_t value : {INT64_MAX, INT64_MIN, INT64_MAX - 1}) whole.add(Number::of(value));
  CHECK(whole.min().integer == INT64_MIN);
  CHECK(whole.mean() == doctest::Approx((0x1p63 - 2) / 3).epsilon(1e-15));
  CHECK(whole.max().integer == INT64_MAX);
  CHECK(std::isfinite(whole.stddev()));
  const double largest = std::numeric_limits<double>::max();
  const NumberStats huge = stats_of({largest, -largest, largest, -largest});
  CHECK(huge.mean() == doctest::Approx(0));
  CHECK(huge.stddev() == doctest::Approx(largest));
}

TEST_CASE("cat stats: rate and silence") {
  TimeStats times;
  CHECK_FALSE(times.rate());
  times.add(5000000000);
  CHECK_FALSE(times.rate());
  times.add(6000000000);
  times.add(9000000000);
  times.add(8500000000);  // a clock set back
  times.add(9500000000);
  CHECK(times.span_s() == 4.5);
  CHECK(*times.rate() == doctest::Approx(4 / 4.5));
  CHECK(times.silence_s() == 3);
  CHECK(times.silence_from_ns() == 6000000000);
  TimeStats wide;
  for (const int64_t time : {INT64_MIN, INT64_MAX}) wide.add(time);
  CHECK(wide.silence_s() == doctest::Approx(0x1p64 / 1e9));
}

TEST_CASE("cat stats: the table has at most 80 columns, whatever the numbers") {
  for (const bool wide : {false, true}) {
    Summary summary;
    summary.files = 1;
    for (const char* name : {"a", "a.name.that.is.rather.long.but.has.to.be.seen", "cells[*]"}) {
      summary.fields.push_back({name, "long", "", {}});
      NumberStats& numbers = summary.fields.back().numbers;
      for (const int64_t value : {wide ? INT64_MIN : int64_t{-1}, wide ? INT64_MAX : int64_t{9}})
        for (int i = 0; i < 60000; ++i) numbers.add(Number::of(value));
      numbers.add_null();
    }
    const std::string table = summary_table(summary, true);
    std::istringstream lines(table);
    for (std::string line; std::getline(lines, line);) {
      CAPTURE(line);
      CHECK(line.size() <= 80);
      CHECK(!line.ends_with(' '));
    }
    CHECK(table.find("a.name.that.is.rather.long.but.has.to.be.seen") != table.npos);
    CHECK(table.find("1 null") != table.npos);
    if (wide) CHECK(table.find(" -9223372036854775808 ") != table.npos);
    if (wide) CHECK(table.find(" 9223372036854775807 ") != table.npos);
  }
}

TEST_CASE("cat stats: the table shows times as such, and no noise for a mean of 0") {
  Summary summary;
  summary.fields.push_back({"t", "long", "timestamp-millis", {}});
  summary.fields.push_back({"n", "double", "", {}});
  for (const int64_t ms : {1795377600000, 1795377601500})
    summary.fields[0].numbers.add(Number::of(ms));
  for (const double value : {0.1, 0.2, -0.3}) summary.fields[1].numbers.add(Number::of(value));
  const std::string table = summary_table(summary, true);
  CHECK(table.find("\n  from 2026-11-22T20:00:00.000000Z to 2026-11-22T20:00:01.500000Z\n") !=
        table.npos);
  CHECK(table.find("\nn          3  -0.3     0  0.2") != table.npos);
}

TEST_CASE("cat stats: numbers in short") {
  CHECK(number_text(Number::of(INT64_MIN)) == "-9223372036854775808");
  CHECK(number_text(Number::of(0.1)) == "0.1");
  CHECK(number_text(Number::of(2.0 / 3)) == "0.666667");
  CHECK(number_text(Number::of(-0.0)) == "0");
  CHECK(number_text(Number::of(1e300)) == "1e+300");
}
