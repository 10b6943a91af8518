// What numbers say, against what was done to them.
#include "relay/sequence.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <set>
#include <vector>

namespace sdr {
namespace {

struct Bench {
  explicit Bench(uint64_t wrap = 0) { state.adopt({1, 3, wrap}); }
  void take(std::initializer_list<int64_t> numbers) {
    for (const int64_t number : numbers) state.note(number, {++time_ns, page.get()});
  }
  void settle() { state.settle({++time_ns, page.get()}); }
  // gaps, lost, duplicates, reordered, resets
  std::vector<uint64_t> counts() const {
    const SequenceCounts& c = state.counts();
    return {c.gaps, c.lost, c.duplicates, c.reordered, c.resets};
  }
  std::unique_ptr<ReceiverCounters> page = std::make_unique<ReceiverCounters>();
  Sequence state = {};
  int64_t time_ns = 0;
};
using Counts = std::vector<uint64_t>;

TEST_CASE("numbers in order are no trouble, wherever they begin and wrap") {
  for (const uint64_t wrap : {uint64_t{0}, uint64_t{2}, uint64_t{3}, uint64_t{256}, uint64_t{65536},
                              uint64_t{1} << 32, uint64_t{1000003}}) {
    CAPTURE(wrap);
    for (const int64_t begin : {int64_t{0}, int64_t{7}, INT64_MAX - 500, int64_t{INT32_MAX} - 9}) {
      Bench bench(wrap);
      for (uint64_t i = 0; i < 5000; ++i) {
        uint64_t number = static_cast<uint64_t>(begin) % (wrap ? wrap : ~0ull) + i;
        if (wrap) number %= wrap;
        bench.take({static_cast<int64_t>(number)});
      }
      bench.settle();
      CHECK(bench.counts() == Counts{0, 0, 0, 0, 0});
    }
  }
}

TEST_CASE("an int that counts through its largest is no reset") {
  Bench bench(uint64_t{1} << 32);
  bench.take({INT32_MAX - 1, INT32_MAX, INT32_MIN, INT32_MIN + 1, -1, 0});
  CHECK(bench.counts()[4] == 0);
  Bench negative(uint64_t{1} << 32);
  negative.take({-3, -2, -1, 0, 1});
  negative.settle();
  CHECK(negative.counts() == Counts{0, 0, 0, 0, 0});
}

TEST_CASE("lost, late, twice") {
  Bench bench;
  bench.take({10, 11, 14, 13, 15, 15, 11});  // 12 is lost, 13 late, 15 and 11 came twice
  CHECK(bench.counts() == Counts{0, 0, 2, 1, 0});
  bench.settle();
  CHECK(bench.counts() == Counts{1, 1, 2, 1, 0});
  bench.take({12});  // too late
  CHECK(bench.counts() == Counts{1, 1, 2, 2, 0});
  CHECK(get(bench.page->lost_ranges[0].first) == 12);
  CHECK(get(bench.page->lost_ranges[0].count) == 1);
  bench.take({9});  // before the first
  CHECK(bench.counts() == Counts{1, 1, 2, 3, 0});
}

TEST_CASE("what is missing is lost when two ticks, or 1,024 numbers, have gone by") {
  Bench bench;
  bench.take({0, 2});
  bench.state.tick({1, nullptr});
  CHECK(bench.counts() == Counts{0, 0, 0, 0, 0});
  bench.state.tick({2, nullptr});
  CHECK(bench.counts() == Counts{1, 1, 0, 0, 0});
  bench.take({4});
  for (int64_t n = 5; n < 3 + 1024; ++n) bench.take({n});
  CHECK(bench.counts() == Counts{1, 1, 0, 0, 0});
  bench.take({3 + 1024});
  CHECK(bench.counts() == Counts{2, 2, 0, 0, 0});
}

TEST_CASE("a long gap is one that the next number confirms") {
  Bench bench;
  bench.take({1, 2, 1000000});
  CHECK(bench.counts() == Counts{0, 0, 0, 0, 0});
  bench.take({1000001});
  bench.settle();
  CHECK(bench.counts() == Counts{1, 999997, 0, 0, 0});
  CHECK(get(bench.page->lost_ranges[0].first) == 3);
  CHECK(get(bench.page->lost_ranges[0].count) == 999997);
}

TEST_CASE("a stray number is none") {
  Bench bench;
  bench.take({5000, 5001, 123456789, 5002, 17, 5003});
  bench.settle();
  CHECK(bench.counts() == Counts{0, 0, 0, 2, 0});
}

TEST_CASE("numbering that begins anew is a reset, also after losses") {
  Bench bench;
  bench.take({90000, 90001, 90003, 0, 1, 2, 4});
  bench.settle();
  CHECK(bench.counts() == Counts{2, 2, 0, 0, 1});
  Bench far;
  far.take({1, 2, INT64_MAX / 2, INT64_MAX / 2 + 1});
  CHECK(far.counts() == Counts{0, 0, 0, 0, 1});
}

TEST_CASE("another rule begins anew and keeps the counts") {
  Bench bench;
  bench.take({1, 2, 4});
  bench.settle();
  bench.state.adopt({1, 3, 0});
  bench.take({5});
  bench.state.adopt({1, 4, 0});
  bench.take({77, 78});
  bench.settle();
  CHECK(bench.counts() == Counts{1, 1, 0, 0, 0});
}

TEST_CASE("what was induced is what is counted") {
  std::mt19937 random(5);
  for (const uint64_t wrap : {uint64_t{0}, uint64_t{65536}, uint64_t{4096}}) {
    Bench bench(wrap);
    const uint64_t count = 200000;
    std::vector<std::pair<uint64_t, uint64_t>> order;  // place in time, number
    uint64_t lost = 0, gaps = 0, duplicates = 0;
    std::set<uint64_t> left_out;
    for (uint64_t n = 1; n < count; ++n) {
      if (random() % 100 == 0) {
        const uint64_t run = random() % 20 == 0 ? random() % 500 + 1 : 1;
        if (n + run + 2 >= count) break;
        for (uint64_t i = 0; i < run; ++i) left_out.insert(n + i);
        lost += run;
        ++gaps;
        n += run;  // the one behind comes
      }
    }
    for (uint64_t n = 0; n < count; ++n) {
      if (left_out.count(n)) continue;
      order.push_back({n, n});
      if (n > 0 && n + 200 < count && random() % 50 == 0) {
        order.push_back({n + random() % 100, n});
        ++duplicates;
      } else if (n > 0 && n + 200 < count && random() % 30 == 0) {
        order.back().first = n + random() % 90;
      }
    }
    std::stable_sort(order.begin(), order.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    uint64_t reordered = 0, highest = 0;
    std::set<uint64_t> come;
    for (const auto& [place, number] : order) {
      if (come.insert(number).second && number < highest) ++reordered;
      highest = std::max(highest, number);
      bench.take({static_cast<int64_t>(wrap ? number % wrap : number)});
    }
    bench.settle();
    CHECK(bench.counts() == Counts{gaps, lost, duplicates, reordered, 0});
  }
}

}  // namespace
}  // namespace sdr
