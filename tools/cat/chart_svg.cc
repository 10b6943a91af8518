// A chart as SVG: https://www.w3.org/TR/SVG11/.
#include <cstdio>

#include "tools/cat/chart.h"

namespace sdr::cat {
namespace {

constexpr int kWidth = 1000;
constexpr int kLeft = 110;  // of a panel's frame
constexpr int kRight = 20;  // beyond it
constexpr int kTop = 30;    // above it, where the legend stands
constexpr int kHeight = 180;
constexpr int kBelow = 60;  // the x axis' labels and the caption
constexpr int kFrameWidth = kWidth - kLeft - kRight;
constexpr size_t kBucketsMax = 2048;  // about as many as the picture has columns
constexpr size_t kValueTicks = 6;
constexpr size_t kLabelColumns = 120;  // characters along the x axis
constexpr const char* kColours[] = {"#1f77b4", "#d62728", "#2ca02c",
                                    "#9467bd", "#ff7f0e", "#17becf"};

// Text is printable ASCII already.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

template <typename... Values>
void append(std::string* out, const char* format, Values... values) {
  char text[256];
  out->append(text,
              static_cast<size_t>(std::max(0, snprintf(text, sizeof text, format, values...))));
}

void append_text(double x, double y, const char* anchor, const std::string& text,
                 std::string* out) {
  append(out, "<text x=\"%.2f\" y=\"%.2f\" text-anchor=\"%s\">", x, y, anchor);
  *out += escaped(text) + "</text>\n";
}

// A point alone is a line without length, which round ends make a dot.
void append_path(const Series& series, const Range& x, const Range& y, double top,
                 const char* colour, std::string* out) {
  append(out, "<path class=\"series\" stroke=\"%s\" d=\"", colour);
  for (const Stroke& stroke : series.strokes(kBucketsMax)) {
    char command = 'M';
    const auto add = [&](const Point& point) {
      append(out, "%c%.2f %.2f", command,
             kLeft + x.part(static_cast<long double>(point.x), kFrameWidth),
             top + kHeight - y.part(point.y, kHeight));
      command = 'L';
    };
    for (const Point& point : stroke) add(point);
    if (stroke.size() == 1) add(stroke[0]);
  }
  *out += "\"/>\n";
}

void append_panel(const Panel& panel, const Range& x, const std::vector<Tick>& ticks, double top,
                  const char* colour, std::string* out) {
  const Range y = y_range(panel.series);
  *out += "<g class=\"panel\">\n";
  append_text(kLeft, top - 8, "start", panel.legend(), out);
  for (const Tick& tick :
       value_ticks(static_cast<double>(y.low), static_cast<double>(y.high), kValueTicks)) {
    const double at = top + kHeight - y.part(tick.at, kHeight);
    append(out, "<path class=\"grid\" d=\"M%d %.2fh%d\"/>\n", kLeft, at, kFrameWidth);
    append_text(kLeft - 6, at + 4, "end", tick.label, out);
  }
  for (const Tick& tick : ticks)
    append(out, "<path class=\"grid\" d=\"M%.2f %.2fv%d\"/>\n",
           kLeft + x.part(tick.at, kFrameWidth), top, kHeight);
  append(out, "<rect class=\"frame\" x=\"%d\" y=\"%.2f\" width=\"%d\" height=\"%d\"/>\n", kLeft,
         top, kFrameWidth, kHeight);
  append_path(panel.series, x, y, top, colour, out);
  *out += "</g>\n";
}

}  // namespace

std::string draw_svg(const Chart& chart) {
  const int count = static_cast<int>(chart.panels.size());
  const int height = count * (kTop + kHeight) + kBelow;
  const Range x = x_range(chart);
  const std::vector<Tick> ticks = x_ticks(chart, x, kLabelColumns);
  const std::string caption = x_caption(chart, x);
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  append(&out,
         "<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" width=\"%d\" height=\"%d\" "
         "viewBox=\"0 0 %d %d\">\n",
         kWidth, height, kWidth, height);
  out += "<title>";
  for (const Panel& panel : chart.panels)
    out += (&panel == &chart.panels[0] ? "" : ", ") + escaped(panel.name);
  out += "</title>\n<desc>" + escaped(caption) + "</desc>\n";
  out +=
      "<style>text{font:12px sans-serif;fill:#333}.series{fill:none;stroke-width:1.2;"
      "stroke-linejoin:round;stroke-linecap:round}.frame{fill:none;stroke:#333}"
      ".grid{fill:none;stroke:#ddd}</style>\n";
  append(&out, "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", kWidth, height);
  int top = kTop;
  for (int i = 0; i < count; ++i, top += kTop + kHeight)
    append_panel(chart.panels[static_cast<size_t>(i)], x, ticks, top,
                 kColours[static_cast<size_t>(i) % std::size(kColours)], &out);
  const double below = top - kTop + 18;
  for (const Tick& tick : ticks)
    append_text(kLeft + x.part(tick.at, kFrameWidth), below, "middle", tick.label, &out);
  append_text(kLeft, below + 22, "start", caption, &out);
  return out + "</svg>\n";
}

}  // namespace sdr::cat
