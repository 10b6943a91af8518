// What a picture shows: a panel for each field, one above the other, over the same time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tools/cat/canvas.h"
#include "tools/cat/series.h"
#include "tools/cat/stats.h"
#include "tools/cat/ticks.h"

namespace sdr::cat {

struct Panel {
  std::string name;  // fit for a terminal
  Series series;
  NumberStats stats;

  void add(int64_t x, const Number& number);
  // "speed  min 0.1  mean 3.2  max 5.9  of 1200  (3 null, 1 NaN)", or that there are none.
  std::string legend() const;
};

struct Chart {
  std::vector<Panel> panels;
  bool is_over_time = true;  // x is ns since the epoch; else it counts datums
  bool utc = false;
  int64_t x_from = INT64_MAX;  // what x shall reach at least, as an asked range of time does …
  int64_t x_to = INT64_MIN;    // … where it was told

  bool is_empty() const;
};

// From low to high, low first; never the same.
struct Range {
  long double low;
  long double high;
  // Which of `count` places, counted from 0, is that of `value`: the nearest.
  size_t place(long double value, size_t count) const;
  // The same as a part of `size`, unrounded.
  double part(long double value, double size) const;
};

Range x_range(const Chart& chart);
// From the least to the greatest value; something around it where they are the same.
Range y_range(const Series& series);
std::vector<Tick> x_ticks(const Chart& chart, const Range& range, size_t columns);
// "2026-11-22T21:15:00.000000+0100 to 2026-11-22T21:16:00.000000+0100"
std::string x_caption(const Chart& chart, const Range& range);

// As text of at most `columns` characters a line, and of `rows` lines where that is enough for all
// panels. Axes are drawn in ASCII where the dots are.
std::string draw_text(const Chart& chart, size_t columns, size_t rows, Dots dots);

// As a picture that is a file of its own (SVG 1.1).
std::string draw_svg(const Chart& chart);

}  // namespace sdr::cat
