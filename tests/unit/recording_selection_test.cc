#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tools/recording/selection.h"
#include "tools/recording/time_field.h"

using namespace sdr;
using namespace sdr::recording;

namespace {

constexpr int64_t kSecond = 1000000;
constexpr uint64_t kHeader = 100;

// Ten rows, block k at offset 100 + 50 k, received in seconds 10 k to 10 k + 9.
std::vector<IndexRow> ten() {
  std::vector<IndexRow> rows;
  for (int64_t k = 0; k < 10; ++k)
    rows.push_back({kHeader + 50 * static_cast<uint64_t>(k),
                    10,
                    true,
                    10 * k * kSecond,
                    (10 * k + 9) * kSecond,
                    {}});
  return rows;
}

std::vector<Span> plan(const std::vector<IndexRow>& rows, int64_t from_s, int64_t to_s,
                       bool judges) {
  SpanPlan made({from_s * kSecond, to_s * kSecond}, judges, kHeader, 0);
  for (const IndexRow& row : rows) made.add(row);
  return made.finish(made.last_offset() + 50);
}

using Spans = std::vector<Span>;
constexpr uint64_t kEnd = kHeader + 500;

// "x" for each that is chosen. The newest before the range may be asked whether it was recovered.
std::string chosen_us(const std::vector<int64_t>& starts_us, int64_t from_s, int64_t to_s,
                      const std::string& recovered = "") {
  const std::vector<bool> found =
      choose_segments(starts_us, {from_s * kSecond, to_s * kSecond}, [&](size_t i) {
        REQUIRE(starts_us[i] < from_s * kSecond);
        return i < recovered.size() && recovered[i] == 'r';
      });
  std::string text;
  for (const bool is_chosen : found) text += is_chosen ? 'x' : '.';
  return text;
}

std::string chosen(std::vector<int64_t> starts_s, int64_t from_s, int64_t to_s,
                   const std::string& recovered = "") {
  for (int64_t& start : starts_s) start *= kSecond;
  return chosen_us(starts_s, from_s, to_s, recovered);
}

}  // namespace

TEST_CASE("cat: rows choose the blocks that are read whole") {
  CHECK(plan(ten(), 25, 26, false) == Spans{{200, 250, Trust::kWhole}});
  CHECK(plan(ten(), 29, 41, false) == Spans{{200, 350, Trust::kWhole}});
  CHECK(plan(ten(), 30, 40, false) == Spans{{250, 300, Trust::kWhole}});
  // Between two blocks nothing was received.
  SpanPlan between({9 * kSecond + 1, 10 * kSecond}, false, kHeader, 0);
  for (const IndexRow& row : ten()) between.add(row);
  CHECK(between.finish(kEnd) == Spans{});
}

TEST_CASE("cat: what is behind the last row may be of any later time") {
  CHECK(plan(ten(), 95, 200, false) ==
        Spans{{550, kEnd, Trust::kWhole}, {kEnd, kFileEnd, Trust::kUnsure}});
  CHECK(plan(ten(), 95, 200, true) == Spans{{550, kFileEnd, Trust::kEach}});
  CHECK(plan({}, 95, 200, true) == Spans{{kHeader, kFileEnd, Trust::kEach}});
}

TEST_CASE("cat: datums that say their time themselves may have overtaken each other") {
  // A second to each side is read as well, and judged.
  CHECK(plan(ten(), 25, 26, true) ==
        Spans{{200, 250, Trust::kEach}, {kEnd, kFileEnd, Trust::kEach}});
  CHECK(plan(ten(), 30, 31, true) ==
        Spans{{200, 300, Trust::kEach}, {kEnd, kFileEnd, Trust::kEach}});
}

TEST_CASE("cat: blocks without times are read where their neighbours allow for the range") {
  std::vector<IndexRow> rows = ten();
  for (const size_t k : {3, 4}) rows[k].has_times = false;
  const Spans gap = {{250, 350, Trust::kUnsure}};
  CHECK(plan(rows, 35, 36, false) == gap);
  CHECK(plan(rows, 30, 31, false) == gap);
  CHECK(plan(rows, 25, 26, false) == Spans{{200, 250, Trust::kWhole}});
  CHECK(plan(rows, 55, 56, false) == Spans{{350, 400, Trust::kWhole}});
  CHECK(plan(rows, 29, 30, false) == Spans{{200, 250, Trust::kWhole}, {250, 350, Trust::kUnsure}});
  // Where the clock was set between them, anything may be in there.
  rows[5].losses.clock_steps = 1;
  CHECK(plan(rows, 0, 1, false) == Spans{{100, 150, Trust::kWhole}, {250, 350, Trust::kUnsure}});
}

TEST_CASE("cat: times that go back") {
  std::vector<IndexRow> rows = ten();
  for (size_t k = 5; k < 10; ++k) {
    rows[k].first_time_us -= 40 * kSecond;
    rows[k].last_time_us -= 40 * kSecond;
  }
  rows[5].losses.clock_steps = 1;
  CHECK(plan(rows, 25, 26, false) == Spans{{200, 250, Trust::kWhole}, {400, 450, Trust::kWhole}});
  // The block in which it was set may hold any time.
  rows[5].first_time_us = 60 * kSecond;
  const Spans spans = plan(rows, 300, 301, true);
  CHECK(spans == Spans{{350, 400, Trust::kEach}, {kEnd, kFileEnd, Trust::kEach}});
}

TEST_CASE("cat: a row without datums is no block") {
  std::vector<IndexRow> rows = ten();
  rows.push_back({kEnd, 0, true, 99 * kSecond, 99 * kSecond, {}});
  CHECK(plan(rows, 25, 26, false) == Spans{{200, 250, Trust::kWhole}});
}

TEST_CASE("cat: segments are found by their names") {
  const std::vector<int64_t> hours = {0, 3600, 7200, 10800};
  CHECK(chosen(hours, 3700, 3800) == ".x..");
  CHECK(chosen(hours, 3700, 7300) == ".xx.");
  CHECK(chosen(hours, 0, 10) == "x...");
  CHECK(chosen(hours, 20000, 20001) == "...x");
  CHECK(chosen(hours, -20, -10) == "....");
  CHECK(chosen({}, 0, 1).empty());
  // The last datums of one may come behind the first of the next.
  CHECK(chosen(hours, 3600, 3601) == "xx..");
  CHECK(chosen(hours, 7198, 7199) == ".x..");
}

TEST_CASE("cat: names after the clock was set back") {
  // The clock was set back within the second, and its successor's name says nothing.
  CHECK(chosen_us({0, 3600 * kSecond, 3600 * kSecond + 1, 7200 * kSecond}, 4000, 4001) == ".xx.");
  CHECK(chosen_us({0, 3600 * kSecond, 3600 * kSecond + 1, 7200 * kSecond}, 100, 101) == "xxx.");
  CHECK(chosen_us({0, 3600 * kSecond, 3600 * kSecond + 1, 7200 * kSecond}, 8000, 8001) == "...x");
}

TEST_CASE("cat: recovered segments lie between the others and do not end them") {
  const std::vector<int64_t> starts = {0, 3600, 4000, 5000, 7200};
  CHECK(chosen(starts, 6000, 6001, "..rr.") == ".xxx.");
  CHECK(chosen(starts, 6000, 6001, "..r..") == "...x.");
  CHECK(chosen(starts, 3700, 3701, "..rr.") == ".x...");
  CHECK(chosen(starts, 8000, 8001, "..rr.") == "....x");
}

TEST_CASE("cat: the field that says when") {
  std::string why;
  const std::string head = R"({"type":"record","name":"R","fields":[{"name":"n","type":"long"},)";
  const std::string micros = R"({"type":"long","logicalType":"timestamp-micros"})";
  std::optional<TimeField> field =
      find_time_field(head + R"({"name":"receive_time","type":)" + micros + "}]}", &why);
  REQUIRE(field);
  CHECK(field->is_receive_time);
  CHECK(field->path == std::vector<uint32_t>{1});
  field = find_time_field(head + R"({"name":"p","type":{"type":"record","name":"P","fields":[)" +
                              R"({"name":"x","type":"int"},{"name":"t","type":)" + micros +
                              R"(}]}},{"name":"q","type":"P"}]})",
                          &why);
  REQUIRE(field);
  CHECK_FALSE(field->is_receive_time);
  CHECK(field->name == "p.t");
  CHECK(field->path == std::vector<uint32_t>{1, 1});
  field = find_time_field(head + R"({"name":"t","type":"long","logicalType":"timestamp-nanos"},)" +
                              R"({"name":"receive_time","type":)" + micros +
                              R"(},{"name":"z","type":"int"}]})",
                          &why);
  REQUIRE(field);
  CHECK(field->name == "t");
  CHECK(field->units_per_s == 1000000000);
  CHECK_FALSE(find_time_field(head + R"({"name":"t","type":"long"}]})", &why));
  CHECK(why.find("no receive_time") != std::string::npos);
  CHECK_FALSE(find_time_field(
      R"({"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]}]})", &why));
  CHECK(why.find("recursive") != std::string::npos);
}

TEST_CASE("cat: numbers of a time field in their units") {
  TimeField field;
  const TimeRange range = {1000, 2000};
  field.units_per_s = 1000;
  CHECK(field.is_in(range, 1));
  CHECK_FALSE(field.is_in(range, 2));
  field.units_per_s = 1000000000;
  CHECK(field.is_in(range, 1000000));
  CHECK(field.is_in(range, 1999999));
  CHECK_FALSE(field.is_in(range, 999999));
  CHECK_FALSE(field.is_in(range, 2000000));
  field.units_per_s = 1000000;
  CHECK_FALSE(field.is_in(range, INT64_MAX));
  CHECK(field.is_in({1000, INT64_MAX}, INT64_MAX));
  CHECK(field.is_in({INT64_MIN, 2000}, INT64_MIN));
}
