// A chart as text.
#include <algorithm>

#include "tools/cat/chart.h"

namespace sdr::cat {
namespace {

constexpr size_t kColumnsMin = 20;
constexpr size_t kRowsMin = 3;    // of a panel's picture
constexpr size_t kRowsBelow = 4;  // the x axis, its labels, the caption, and the prompt
constexpr size_t kLabelColumnsMax = 20;
constexpr size_t kRowsATick = 3;

struct Lines {
  const char* vertical;
  const char* tick;  // on the vertical line
  const char* corner;
  const char* horizontal;
  const char* tick_below;
  const char* ellipsis;
};
constexpr Lines kBoxes = {"│", "┤", "└", "─", "┴", "…"};
constexpr Lines kAscii = {"|", "+", "+", "-", "+", "~"};

// Printable ASCII, cut to `columns`.
std::string cut(const std::string& text, size_t columns, const Lines& lines) {
  if (text.size() <= columns) return text;
  return columns == 0 ? "" : text.substr(0, columns - 1) + lines.ellipsis;
}

// What stands left of each row of a panel; all that have one at their tick's row.
std::vector<std::string> row_labels(const Range& range, size_t rows, size_t dots_a_row) {
  std::vector<std::string> labels(rows);
  const std::vector<Tick> ticks =
      value_ticks(static_cast<double>(range.low), static_cast<double>(range.high),
                  std::max<size_t>(rows / kRowsATick, 2));
  const size_t dots = rows * dots_a_row;
  for (const Tick& tick : ticks)
    labels[(dots - 1 - range.place(tick.at, dots)) / dots_a_row] = tick.label;
  return labels;
}

struct Drawn {
  const Panel& panel;
  Range range;
  std::vector<std::string> labels;
};

Canvas draw_panel(const Drawn& drawn, const Range& x, size_t columns, size_t rows, Dots dots) {
  Canvas canvas(columns, rows, dots);
  const auto column = [&](const Point& point) {
    return x.place(static_cast<long double>(point.x), canvas.width());
  };
  const auto row = [&](const Point& point) {
    return canvas.height() - 1 - drawn.range.place(point.y, canvas.height());
  };
  for (const Stroke& stroke : drawn.panel.series.strokes()) {
    for (size_t i = 0; i < stroke.size(); ++i) {
      const Point& from = stroke[i == 0 ? 0 : i - 1];
      canvas.draw_line(column(from), row(from), column(stroke[i]), row(stroke[i]));
    }
  }
  return canvas;
}

void append_row(const std::string& row, std::string* text) {
  *text += row;
  text->erase(text->find_last_not_of(' ') + 1);
  *text += "\n";
}

std::string x_axis(const Chart& chart, const Range& range, size_t gutter, size_t columns,
                   const Lines& lines) {
  std::string labels(gutter + 1 + columns, ' ');
  std::vector<bool> has_tick(columns);
  size_t taken = 0;  // columns of `labels`
  for (const Tick& tick : x_ticks(chart, range, columns)) {
    const size_t place = range.place(tick.at, columns);
    const size_t width = tick.label.size();
    has_tick[place] = true;
    const size_t middle = gutter + 1 + place;
    const size_t begin = std::min(middle - std::min(middle, width / 2),
                                  labels.size() - std::min(labels.size(), width));
    if (begin < taken || begin + width > labels.size()) continue;
    labels.replace(begin, width, tick.label);
    taken = begin + width + 1;
  }
  std::string text = std::string(gutter, ' ') + lines.corner;
  for (size_t i = 0; i < columns; ++i) text += has_tick[i] ? lines.tick_below : lines.horizontal;
  text += "\n";
  append_row(labels, &text);
  return text;
}

}  // namespace

std::string draw_text(const Chart& chart, size_t columns, size_t rows, Dots dots) {
  columns = std::max(columns, kColumnsMin);
  const Lines& lines = dots == Dots::kBraille ? kBoxes : kAscii;
  const size_t count = std::max<size_t>(chart.panels.size(), 1);
  const size_t needed = kRowsBelow + count;  // with a legend each
  const size_t panel_rows = std::max(kRowsMin, (rows - std::min(rows, needed)) / count);
  const Range x = x_range(chart);
  size_t gutter = 0;
  std::vector<Drawn> all;
  for (const Panel& panel : chart.panels) {
    const Range range = y_range(panel.series);
    all.push_back({panel, range, row_labels(range, panel_rows, dots == Dots::kBraille ? 4 : 2)});
    for (const std::string& label : all.back().labels) gutter = std::max(gutter, label.size());
  }
  gutter = std::min({gutter, kLabelColumnsMax, columns / 3});
  const size_t width = columns - gutter - 1;
  std::string text;
  for (const Drawn& drawn : all) {
    text += cut(drawn.panel.legend(), columns, lines) + "\n";
    const Canvas canvas = draw_panel(drawn, x, width, panel_rows, dots);
    for (size_t row = 0; row < panel_rows; ++row) {
      const std::string label = cut(drawn.labels[row], gutter, lines);
      const bool is_cut = drawn.labels[row].size() > gutter;
      append_row(std::string(gutter - (is_cut ? gutter : label.size()), ' ') + label +
                     (label.empty() ? lines.vertical : lines.tick) + canvas.row_text(row),
                 &text);
    }
  }
  text += x_axis(chart, x, gutter, width, lines);
  return text + cut(x_caption(chart, x), columns, lines) + "\n";
}

}  // namespace sdr::cat
