#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "tools/cat/canvas.h"
#include "tools/cat/chart.h"

using namespace sdr::cat;

namespace {

constexpr int64_t kSecond = 1000000000;
constexpr int64_t kStart = int64_t{1795377600} * kSecond;  // 2026-11-22T20:00:00Z

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream all(text);
  for (std::string line; std::getline(all, line);) lines.push_back(line);
  return lines;
}

// Characters, not bytes.
size_t columns_of(const std::string& line) {
  size_t count = 0;
  for (const char c : line) count += (c & 0xc0) != 0x80;
  return count;
}

std::vector<std::string> labels_of(const std::vector<Tick>& ticks) {
  std::vector<std::string> labels;
  for (const Tick& tick : ticks) labels.push_back(tick.label);
  return labels;
}

Chart chart_of(const std::vector<double>& values) {
  Chart chart;
  chart.utc = true;
  chart.panels.resize(1);
  chart.panels[0].name = "speed";
  for (size_t i = 0; i < values.size(); ++i)
    chart.panels[0].add(kStart + static_cast<int64_t>(i) * kSecond, Number::of(values[i]));
  return chart;
}

void set_zone(const char* zone) {
  setenv("TZ", zone, 1);
  tzset();
}

using Labels = std::vector<std::string>;

}  // namespace

TEST_CASE("cat canvas: each dot of a character") {
  for (size_t x = 0; x < 2; ++x) {
    for (size_t y = 0; y < 4; ++y) {
      Canvas canvas(1, 1, Dots::kBraille);
      canvas.set(x, y);
      const int bits[2][4] = {{1, 2, 4, 0x40}, {8, 0x10, 0x20, 0x80}};
      const int code = 0x2800 + bits[x][y];
      const char text[] = {'\xe2', static_cast<char>(0x80 | (code >> 6 & 0x3f)),
                           static_cast<char>(0x80 | (code & 0x3f)), 0};
      CHECK(canvas.row_text(0) == text);
      CHECK(canvas.is_set(x, y));
    }
  }
  CHECK(Canvas(3, 1, Dots::kBraille).row_text(0) == "   ");
  Canvas ascii(3, 1, Dots::kAscii);
  ascii.set(0, 0);
  ascii.set(1, 1);
  ascii.draw_line(2, 0, 2, 1);
  CHECK(ascii.row_text(0) == "'.:");
}

TEST_CASE("cat canvas: lines end where they should, are whole, and stay inside") {
  for (size_t x = 0; x < 8; ++x) {
    for (size_t y = 0; y < 8; ++y) {
      Canvas canvas(4, 2, Dots::kBraille);
      canvas.draw_line(3, 4, x, y);
      CHECK(canvas.is_set(3, 4));
      CHECK(canvas.is_set(x, y));
      size_t count = 0;
      for (size_t i = 0; i < 8; ++i)
        for (size_t k = 0; k < 8; ++k) count += canvas.is_set(i, k);
      const int longer =
          std::max(std::abs(static_cast<int>(x) - 3), std::abs(static_cast<int>(y) - 4));
      CHECK(count == static_cast<size_t>(longer) + 1);
    }
  }
  Canvas one(1, 1, Dots::kAscii);
  one.set(5, 5);
  one.draw_line(0, 0, 9, 9);
  CHECK(one.row_text(0) == "'");
}

TEST_CASE("cat ticks: of values") {
  CHECK(labels_of(value_ticks(0, 10, 6)) == Labels{"0", "2", "4", "6", "8", "10"});
  CHECK(labels_of(value_ticks(-1, 1, 5)) == Labels{"-1.0", "-0.5", "0.0", "0.5", "1.0"});
  CHECK(labels_of(value_ticks(0.001, 0.0049, 4)) == Labels{"0.001", "0.002", "0.003", "0.004"});
  CHECK(labels_of(value_ticks(2e9, 8e9, 4)) == Labels{"2e+09", "4e+09", "6e+09", "8e+09"});
  CHECK(labels_of(value_ticks(1795378500, 1795378502, 3)) ==
        Labels{"1795378500", "1795378501", "1795378502"});
  CHECK(value_ticks(1, 1, 5).empty());
  CHECK(value_ticks(1, std::numeric_limits<double>::quiet_NaN(), 5).empty());
  CHECK(value_ticks(0, 1, 0).empty());
  for (const double high : {5e-324, 1e-300, 1e300, std::numeric_limits<double>::max()}) {
    for (const size_t count : {size_t{1}, size_t{2}, size_t{5}, size_t{20}}) {
      const std::vector<Tick> ticks = value_ticks(-high, high, count);
      CHECK(ticks.size() <= count);
      for (const Tick& tick : ticks)
        CHECK(std::fabs(tick.at) <= 1.0001L * static_cast<long double>(high));
    }
  }
}

TEST_CASE("cat ticks: of times") {
  CHECK(labels_of(time_ticks(kStart, kStart + 60 * kSecond, 60, true)) ==
        Labels{"20:00:00", "20:00:15", "20:00:30", "20:00:45", "20:01:00"});
  CHECK(labels_of(time_ticks(kStart + 1, kStart + 3 * kSecond, 30, true)) ==
        Labels{"20:00:01", "20:00:02", "20:00:03"});
  CHECK(labels_of(time_ticks(kStart, kStart + kSecond / 100, 60, true)) ==
        Labels{"20:00:00.000", "20:00:00.005", "20:00:00.010"});
  CHECK(labels_of(time_ticks(kStart, kStart + 36 * 3600 * kSecond, 60, true)) ==
        Labels{"11-23", "06:00", "12:00", "18:00", "11-24", "06:00"});
  CHECK(labels_of(time_ticks(kStart, kStart + 400 * 86400 * kSecond, 40, true)).at(0).size() == 10);
  for (int64_t span = 1; span < 400 * 86400 * kSecond; span *= 3) {
    for (const size_t columns : {size_t{20}, size_t{79}, size_t{200}}) {
      size_t width = 0;
      for (const Tick& tick :
           time_ticks(kStart - span / 3, kStart - span / 3 + span, columns, true)) {
        CHECK(tick.at >= static_cast<long double>(kStart - span / 3));
        CHECK(tick.at <= static_cast<long double>(kStart - span / 3 + span));
        width += tick.label.size() + 1;
      }
      CAPTURE(span);
      CHECK(width <= columns + 20);
    }
  }
}

TEST_CASE("cat ticks: local midnight stays midnight over a change of the clocks") {
  const char* const zone = getenv("TZ");
  const std::string before = zone ? zone : "";
  set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
  const int64_t day = 86400 * kSecond;
  const int64_t low = int64_t{1792706400} * kSecond;  // 2026-10-23T00:00:00+0200
  CHECK(labels_of(time_ticks(low, low + 5 * day, 40, false)) ==
        Labels{"10-23", "10-24", "10-25", "10-26", "10-27"});
  for (const Tick& tick : time_ticks(low + day, low + 3 * day, 60, false))
    CHECK((tick.label == "10-24" || tick.label == "10-25" || tick.label == "10-26" ||
           tick.label == "06:00" || tick.label == "12:00" || tick.label == "18:00"));
  zone ? set_zone(before.c_str()) : static_cast<void>(unsetenv("TZ"));
  tzset();
}

TEST_CASE("cat chart: places and parts of a range") {
  const Range range = {10, 20};
  CHECK(range.place(10, 5) == 0);
  CHECK(range.place(20, 5) == 4);
  CHECK(range.place(14.9L, 5) == 2);
  CHECK(range.place(-100, 5) == 0);
  CHECK(range.place(100, 5) == 4);
  CHECK(range.place(15, 1) == 0);
  CHECK(range.part(15, 8) == 4);
  const Range widest = {-1.7e308L, 1.7e308L};
  CHECK(widest.place(0, 3) == 1);
}

TEST_CASE("cat chart: one point, a constant, only NaN, the largest: each has a picture") {
  const double largest = std::numeric_limits<double>::max();
  for (const std::vector<double>& values : {std::vector<double>{3},
                                            {0, 0, 0},
                                            {-7, -7},
                                            {5e-324},
                                            {largest, -largest},
                                            {largest, largest}}) {
    for (const Dots dots : {Dots::kBraille, Dots::kAscii}) {
      for (const size_t columns : {size_t{1}, size_t{20}, size_t{80}, size_t{300}}) {
        const std::vector<std::string> lines =
            lines_of(draw_text(chart_of(values), columns, 24, dots));
        CHECK(lines.size() == 23);
        bool has_dots = false;
        for (size_t i = 1; i + 3 < lines.size(); ++i) {
          CHECK(columns_of(lines[i]) <= std::max<size_t>(columns, 20));
          has_dots = has_dots || lines[i].find_first_of("'.:\xe2\xa0") != lines[i].npos;
        }
        CHECK(has_dots);
      }
    }
    CHECK(draw_svg(chart_of(values)).find("nan") == std::string::npos);
    CHECK(draw_svg(chart_of(values)).find("inf") == std::string::npos);
  }
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(chart_of({nan, nan}).is_empty());
  CHECK(lines_of(draw_text(chart_of({1, nan, 2}), 80, 24, Dots::kAscii))[0] ==
        "speed  min 1  mean 1.5  max 2  of 2  (1 NaN)");
}

TEST_CASE("cat chart: panels share the rows, and have three at least") {
  Chart chart;
  chart.utc = true;
  for (int i = 0; i < 9; ++i) {
    chart.panels.emplace_back();
    chart.panels.back().name = "f" + std::to_string(i);
    chart.panels.back().add(kStart, Number::of(int64_t{i}));
  }
  CHECK(lines_of(draw_text(chart, 80, 24, Dots::kAscii)).size() == 9 * 4 + 3);
  chart.panels.resize(2);
  CHECK(lines_of(draw_text(chart, 80, 24, Dots::kAscii)).size() == 23);
  CHECK(lines_of(draw_text(chart, 80, 0, Dots::kAscii)).size() == 11);
}

TEST_CASE("cat chart: names are escaped in SVG") {
  Chart chart = chart_of({1, 2});
  chart.panels[0].name = "a<b>&\"c\"";
  const std::string svg = draw_svg(chart);
  CHECK(svg.find("a&lt;b&gt;&amp;&quot;c&quot;") != svg.npos);
  CHECK(svg.find("a<b") == svg.npos);
}
