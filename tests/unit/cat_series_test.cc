#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <random>
#include <vector>

#include "tools/cat/series.h"

using namespace sdr::cat;

namespace {

constexpr int64_t kSecond = 1000000000;

std::vector<Point> points_of(const std::vector<Stroke>& strokes) {
  std::vector<Point> points;
  for (const Stroke& stroke : strokes) points.insert(points.end(), stroke.begin(), stroke.end());
  return points;
}

Series series_of(const std::vector<Point>& points, size_t buckets) {
  Series series(buckets);
  for (const Point& point : points) series.add(point.x, point.y);
  return series;
}

// What each of `columns` columns of equal width has, of points within `low` to `high`.
std::map<int64_t, std::pair<double, double>> envelope(const std::vector<Point>& points,
                                                      int64_t width) {
  std::map<int64_t, std::pair<double, double>> found;
  for (const Point& point : points) {
    const auto [at, is_new] =
        found.emplace(point.x / width - (point.x % width < 0), std::pair(point.y, point.y));
    if (is_new) continue;
    at->second.first = std::min(at->second.first, point.y);
    at->second.second = std::max(at->second.second, point.y);
  }
  return found;
}

}  // namespace

TEST_CASE("cat series: columns of whole buckets have exactly the least and the greatest") {
  std::mt19937_64 random(11);
  for (int round = 0; round < 200; ++round) {
    const size_t buckets = size_t{2} << random() % 8;
    const int64_t span = int64_t{1} << (random() % 40);
    const int64_t begin = round % 3 == 0 ? -span / 2 : 0;
    std::vector<Point> points;
    for (size_t i = 0; i < 1 + random() % 3000; ++i)
      points.push_back({begin + static_cast<int64_t>(random() % static_cast<uint64_t>(span)),
                        static_cast<double>(random() % 1000)});
    if (round % 2)
      std::sort(points.begin(), points.end(), [](auto& a, auto& b) { return a.x < b.x; });
    const std::vector<Point> kept = points_of(series_of(points, buckets).strokes());
    CAPTURE(round);
    CHECK(kept.size() <= 4 * buckets);
    CHECK(std::is_sorted(kept.begin(), kept.end(),
                         [](const Point& a, const Point& b) { return a.x < b.x; }));
    for (const Point& point : kept)
      CHECK(std::find(points.begin(), points.end(), point) != points.end());
    // A power of two that is no narrower than a bucket can be.
    int64_t width = 1;
    while (width * static_cast<int64_t>(buckets) < 2 * span) width *= 2;
    CHECK(envelope(kept, width) == envelope(points, width));
  }
}

TEST_CASE("cat series: one spike among a million") {
  Series series;
  for (int64_t i = 0; i < 1000000; ++i) series.add(i * 1000000, i == 777777 ? 9 : 1);
  const std::vector<Stroke> strokes = series.strokes(200);
  REQUIRE(strokes.size() == 1);
  const std::vector<Point> kept = points_of(strokes);
  CHECK(kept.size() <= 800);
  CHECK(std::count(kept.begin(), kept.end(), Point{777777000000, 9}) == 1);
  CHECK(kept.front().x == 0);
  CHECK(kept.back().x == 999999000000);
}

TEST_CASE("cat series: anywhere in 64 bits, in any order") {
  Series series(4);
  const int64_t ends[] = {0, std::numeric_limits<int64_t>::max(),
                          std::numeric_limits<int64_t>::min(), -1, 1};
  for (const int64_t x : ends) series.add(x, static_cast<double>(x));
  const std::vector<Point> kept = points_of(series.strokes());
  CHECK(kept.front().x == std::numeric_limits<int64_t>::min());
  CHECK(kept.back().x == std::numeric_limits<int64_t>::max());
  CHECK(series.count() == 5);
  CHECK(Series(2).strokes().empty());
  Series one(2);
  one.add(-5, 3);
  CHECK(one.strokes() == std::vector<Stroke>{{{-5, 3}}});
}

TEST_CASE("cat series: gaps") {
  Series steady;
  for (int64_t i = 0; i < 1000; ++i)
    steady.add(i * kSecond + (i >= 400 ? 60 * kSecond : 0) + (i >= 700 ? 90 * kSecond : 0), 1);
  CHECK(steady.strokes().size() == 3);
  CHECK(steady.strokes()[1].front().x == 460 * kSecond);
  CHECK(steady.gap() >= 2 * static_cast<uint64_t>(kSecond));
  CHECK(steady.gap() <= 4 * static_cast<uint64_t>(kSecond));

  Series jittery;
  for (int64_t i = 0; i < 1000; ++i) jittery.add(i * kSecond + (i % 7) * kSecond / 8, 1);
  CHECK(jittery.strokes().size() == 1);

  Series few;
  for (const int64_t x : {0, 1, 2, 3, 4, 60, 61, 62}) few.add(x * kSecond, 1);
  CHECK(few.strokes().size() == 2);
  Series two;
  for (const int64_t x : {0, 60}) two.add(x * kSecond, 1);
  CHECK(two.strokes().size() == 1);
}

TEST_CASE("cat series: bursts, and many numbers at one time, are no gaps") {
  Series bursts;
  for (int64_t i = 0; i < 100; ++i)
    for (int64_t k = 0; k < 64; ++k) bursts.add(i * kSecond / 5 + k * 1000, 1);
  CHECK(bursts.strokes().size() == 1);
  Series arrays;
  for (int64_t i = 0; i < 1000; ++i)
    for (int64_t k = 0; k < 96; ++k) arrays.add(i * kSecond, static_cast<double>(k));
  CHECK(arrays.strokes().size() == 1);
}
