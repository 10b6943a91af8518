#include "tools/stat/watch_page.h"

#include <algorithm>

#include "tools/lib/counted.h"
#include "tools/stat/human.h"

namespace sdr::status {
namespace {

constexpr size_t kNameMin = 4, kNameMax = 24, kGraphMin = 8, kGraphMax = 60;
constexpr const char kKeys[] =
    "q quit  t n r l p sort by trouble name rate loss p99  R reverse  space pause  ? help";
constexpr const char* kHelp[] = {
    "t n r l p   sort by trouble, name, rate, losses, p99",
    "R           the other way round",
    "up down     scroll; also k j, page up and down, home and end",
    "space       pause, and go on",
    "?           this, and back",
    "q           quit",
    "",
    "RATE        datagrams received per second, and the last minutes of it",
    "REJ         datagrams that were no datums, or from a sender not allowed",
    "DROPS       datagrams that the kernel dropped",
    "LOST        sequence numbers that never came",
    "UNREC       datums relayed but not recorded",
    "P99         relay latency of the last interval",
    "Counts are since the counters began; sdr-stat(1) says more.",
};

struct Column {
  const char* head;
  size_t width;
  int rank;  // the greatest goes first where there is no room
  std::string (*cell)(const WatchRow& row);
};

constexpr Column kColumns[] = {
    {"REJ", 5, 4, [](const WatchRow& row) { return count_text(row.rejected); }},
    {"DROPS", 5, 2, [](const WatchRow& row) { return count_text(row.drops); }},
    {"LOST", 5, 3, [](const WatchRow& r) { return r.has_sequence ? count_text(r.lost) : "-"; }},
    {"UNREC", 5, 5, [](const WatchRow& row) { return count_text(row.unrecorded); }},
    {"DISK", 5, 0, [](const WatchRow& row) { return row.disk; }},
    {"P99", 6, 1, [](const WatchRow& r) { return r.p99_ns > 0 ? latency_text(r.p99_ns) : "-"; }},
};
constexpr size_t kStateWidth = 6, kRateWidth = 6;

struct Layout {
  size_t name = 0;
  size_t graph = 0;  // 0: none
  bool shown[std::size(kColumns)] = {};
};

size_t width_of(const Layout& layout) {
  size_t width = layout.name + 1 + kStateWidth + 1 + kRateWidth;
  if (layout.graph > 0) width += 1 + layout.graph;
  for (size_t i = 0; i < std::size(kColumns); ++i)
    width += layout.shown[i] ? 1 + kColumns[i].width : 0;
  return width;
}

Layout lay_out(const std::vector<WatchRow>& rows, size_t width) {
  Layout layout = {.name = kNameMin};
  for (const WatchRow& row : rows) layout.name = std::max(layout.name, row.name.size());
  const size_t longest = layout.name;
  layout.name = std::min(layout.name, kNameMax);
  layout.graph = kGraphMin;
  std::fill(std::begin(layout.shown), std::end(layout.shown), true);
  if (width_of(layout) > width) layout.name = std::min<size_t>(layout.name, 12);
  for (int rank = 5; rank >= 0 && width_of(layout) > width; --rank) {
    for (size_t i = 0; i < std::size(kColumns); ++i)
      layout.shown[i] = layout.shown[i] && kColumns[i].rank != rank;
  }
  if (width_of(layout) > width) layout.graph = 0;
  const size_t room = width > width_of(layout) ? width - width_of(layout) : 0;
  const size_t name = std::min(room, longest - layout.name);
  layout.name += name;
  if (layout.graph > 0) layout.graph = std::min(layout.graph + room - name, kGraphMax);
  return layout;
}

std::string left(std::string text, size_t width) {
  if (text.size() > width) text = text.substr(0, width > 0 ? width - 1 : 0) + "~";
  return text + std::string(width - text.size(), ' ');
}

std::string right(const std::string& text, size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

Line head_line(const Layout& layout) {
  std::string text = left("NAME", layout.name) + " " + left("STATE", kStateWidth) + " " +
                     right("RATE", kRateWidth);
  if (layout.graph > 0) text += " " + std::string(layout.graph, ' ');
  for (size_t i = 0; i < std::size(kColumns); ++i) {
    if (layout.shown[i]) text += " " + right(kColumns[i].head, kColumns[i].width);
  }
  return {{text, Style::kBold}};
}

Line row_line(const WatchRow& row, const Layout& layout, bool utf8) {
  const Style style = row.severity == 2   ? Style::kDown
                      : row.severity == 1 ? Style::kTrouble
                                          : Style::kPlain;
  Line line = {{left(row.name, layout.name) + " " + left(row.state, kStateWidth), style}};
  std::string text = " " + right(row.has_rate ? rate_text(row.rate) : "-", kRateWidth);
  if (layout.graph > 0) text += " " + sparkline(row.history, layout.graph, utf8);
  for (size_t i = 0; i < std::size(kColumns); ++i) {
    if (layout.shown[i]) text += " " + right(kColumns[i].cell(row), kColumns[i].width);
  }
  line.push_back({text, Style::kPlain});
  return line;
}

// What is wrong now, worst first; `height` lines at most.
std::vector<Line> trouble_lines(const std::vector<WatchRow>& rows, size_t width, size_t height) {
  std::vector<std::pair<const WatchRow*, const Trouble*>> all;
  for (const WatchRow& row : rows) {
    for (const Trouble& trouble : row.troubles) {
      if (trouble.severity >= Severity::kNow) all.emplace_back(&row, &trouble);
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.second->severity > b.second->severity;
  });
  std::vector<Line> lines;
  for (size_t i = 0; i < all.size(); ++i) {
    const auto& [row, trouble] = all[i];
    const Style style = trouble->severity == Severity::kDown ? Style::kDown : Style::kTrouble;
    const std::vector<std::string> text = folded(row->name + ": " + line_of(*trouble), width, 2);
    const bool is_last = i + 1 == all.size();
    if (lines.size() + text.size() + (is_last ? 0 : 1) > height) {
      lines.resize(std::min(lines.size(), height > 0 ? height - 1 : 0));
      lines.push_back(
          {{"and " + std::to_string(all.size() - i) + " more: sdr-stat says all", Style::kDim}});
      break;
    }
    for (const std::string& one : text) lines.push_back({{one, style}});
  }
  return lines;
}

Line title_line(const std::vector<WatchRow>& rows, const WatchMode& mode, const std::string& title,
                size_t width) {
  size_t down = 0, troubled = 0;
  for (const WatchRow& row : rows) {
    down += row.severity == 2;
    troubled += row.severity == 1;
  }
  Line line = {{counted(rows.size(), "channel"), Style::kBold}};
  if (down > 0) line.push_back({"  " + std::to_string(down) + " down", Style::kDown});
  if (troubled > 0)
    line.push_back({"  " + std::to_string(troubled) + " in trouble", Style::kTrouble});
  if (down + troubled == 0 && !rows.empty()) line.push_back({"  all well"});
  line.push_back({std::string("  by ") + sort_name(mode.sort) + (mode.reversed ? ", reversed" : ""),
                  Style::kDim});
  if (mode.paused) line.push_back({"  PAUSED", Style::kReverse});
  size_t used = 0;
  for (const Span& span : line) used += columns_of(span.text);
  if (used + 2 + title.size() <= width)
    line.push_back({std::string(width - used - title.size(), ' ') + title});
  return line;
}

void cut(size_t width, Line* line) {
  size_t left_columns = width;
  for (Span& span : *line) {
    size_t end = 0, columns = 0;
    while (end < span.text.size()) {
      const bool begins = (static_cast<unsigned char>(span.text[end]) & 0xC0) != 0x80;
      if (begins && columns == left_columns) break;
      columns += begins;
      ++end;
    }
    span.text.resize(end);
    left_columns -= columns;
  }
}

void add_rows(const std::vector<WatchRow>& rows, size_t width, size_t height, WatchMode* mode,
              std::vector<Line>* page) {
  const Layout layout = lay_out(rows, width);
  page->push_back(head_line(layout));
  mode->page_rows = height;
  mode->top = std::min(mode->top, rows.size() > height ? rows.size() - height : 0);
  for (size_t i = mode->top; i < std::min(rows.size(), mode->top + height); ++i)
    page->push_back(row_line(rows[i], layout, mode->utf8));
}

}  // namespace

size_t columns_of(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::vector<Line> watch_page(const std::vector<WatchRow>& rows, const std::string& title,
                             const std::string& message, size_t width, size_t height,
                             WatchMode* mode) {
  std::vector<Line> page = {title_line(rows, *mode, title, width)};
  const bool has_keys = height >= 6;
  const size_t room = height > 2 + (has_keys ? 1 : 0) ? height - 2 - (has_keys ? 1 : 0) : 0;
  if (mode->help) {
    for (const char* line : kHelp) page.push_back({{line}});
  } else if (!message.empty()) {
    page.push_back({});
    page.push_back({{message, Style::kTrouble}});
  } else {
    // The troubles have a third of it, or what the rows leave.
    const size_t least = room >= 8 ? room / 3 : 0;
    const size_t spare = room > rows.size() + 1 ? room - rows.size() - 1 : 0;
    const std::vector<Line> troubles = trouble_lines(rows, width, std::max(least, spare));
    const size_t taken = troubles.empty() ? 0 : troubles.size() + 1;
    add_rows(rows, width, room > taken ? room - taken : room, mode, &page);
    if (taken > 0 && room > taken) {
      const size_t gap = height - (has_keys ? 1 : 0) - troubles.size();
      page.resize(std::max(page.size(), std::min(gap, page.size() + 1)));
      page.insert(page.end(), troubles.begin(), troubles.end());
    }
  }
  page.resize(std::min(page.size(), height - (has_keys ? 1 : 0)));
  if (has_keys) {
    page.resize(height - 1);
    page.push_back({{kKeys, Style::kDim}});
  }
  for (Line& line : page) cut(width, &line);
  return page;
}

}  // namespace sdr::status
