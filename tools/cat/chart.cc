#include "tools/cat/chart.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tools/cat/stats_text.h"
#include "tools/lib/counted.h"
#include "tools/lib/time_text.h"

namespace sdr::cat {
namespace {

constexpr int64_t kAroundOne_ns = 1000000000;  // either side of a single point in time

int64_t us_of(long double ns) { return static_cast<int64_t>(std::floor(ns / 1000)); }

}  // namespace

void Panel::add(int64_t x, const Number& number) {
  stats.add(number);
  const double value = number.as_double();
  if (std::isfinite(value)) series.add(x, value);
}

std::string Panel::legend() const {
  std::string text = name;
  if (stats.count() > 0)
    text += "  min " + number_text(stats.min()) + "  mean " + mean_text(stats) + "  max " +
            number_text(stats.max()) + "  of " + std::to_string(stats.count());
  else
    text += "  no numbers";
  const std::string left_out = left_out_text(stats);
  return left_out.empty() ? text : text + "  (" + left_out + ")";
}

bool Chart::is_empty() const {
  return std::all_of(panels.begin(), panels.end(),
                     [](const Panel& panel) { return panel.series.is_empty(); });
}

size_t Range::place(long double value, size_t count) const {
  const long double part = (value - low) / (high - low) * static_cast<long double>(count - 1);
  return static_cast<size_t>(
      std::clamp(std::round(part), 0.0L, static_cast<long double>(count - 1)));
}

double Range::part(long double value, double size) const {
  return static_cast<double>((value - low) / (high - low)) * size;
}

Range x_range(const Chart& chart) {
  int64_t low = chart.x_from;
  int64_t high = chart.x_to;
  for (const Panel& panel : chart.panels) {
    if (panel.series.is_empty()) continue;
    low = std::min(low, panel.series.x_min());
    high = std::max(high, panel.series.x_max());
  }
  const long double around = low == high ? (chart.is_over_time ? kAroundOne_ns : 1) : 0;
  return {static_cast<long double>(low) - around, static_cast<long double>(high) + around};
}

Range y_range(const Series& series) {
  const long double low = series.is_empty() ? 0 : static_cast<long double>(series.y_min());
  const long double high = series.is_empty() ? 1 : static_cast<long double>(series.y_max());
  if (low < high) return {low, high};
  const long double around = low == 0 ? 1 : std::fabs(low) / 10;
  return {low - around, high + around};
}

std::vector<Tick> x_ticks(const Chart& chart, const Range& range, size_t columns) {
  if (chart.is_over_time)
    return time_ticks(static_cast<int64_t>(range.low), static_cast<int64_t>(range.high), columns,
                      chart.utc);
  // A fraction of a datum has no tick.
  std::vector<Tick> ticks =
      value_ticks(static_cast<double>(range.low), static_cast<double>(range.high), columns / 10);
  std::erase_if(ticks, [](const Tick& tick) { return tick.at != std::floor(tick.at); });
  return ticks;
}

std::string x_caption(const Chart& chart, const Range& range) {
  if (!chart.is_over_time) return "datums, counted: nothing says when they were received";
  return time_text(us_of(range.low), chart.utc) + " to " + time_text(us_of(range.high), chart.utc);
}

}  // namespace sdr::cat
