#include <algorithm>
#include <array>

#include "tools/stat/human.h"
#include "tools/stat/percentile.h"
#include "tools/stat/view.h"

namespace sdr::status {
namespace {

constexpr size_t kColumns = 15;
constexpr size_t kLost = 11;  // shown only where there is any, as is
constexpr size_t kStale = 12;
constexpr size_t kDisk = 13;
constexpr size_t kNameMin = 8;
using Row = std::array<std::string, kColumns>;

const Row kHead = {"NAME",  "STATE", "UPTIME", "RECV", "RATE",  "REJ",  "RELAY", "DECIM",
                   "RECRD", "UNREC", "DROPS",  "LOST", "STALE", "DISK", "P99"};

std::string state_word(const View& view) {
  if (is_silent(view)) {
    const uint64_t since_ns = get(view.now->receiver.silent_since_ns);
    // The clock may have been set back since.
    const uint64_t for_ns = view.time_ns > since_ns ? view.time_ns - since_ns : 0;
    return "silent " + duration_text(for_ns / 1'000'000'000);
  }
  return view.service.state == State::kStarting ? "start" : state_name(view.service.state);
}

Row row_of(const View& view) {
  const ReceiverCounters& r = view.now->receiver;
  const WriterCounters& w = view.now->writer;
  const Service& service = view.service;
  const bool timed = service.state != State::kDown && service.for_s;
  const std::optional<uint64_t> p99 = percentile(r.latency, 990, get(r.latency_max_ns));
  const std::string received_rate =
      view.before
          ? rate_text(rate(get(view.before->receiver.received), get(r.received), view.interval_s))
          : "-";
  return {view.name,
          state_word(view),
          timed ? duration_text(*service.for_s) : "-",
          count_text(get(r.received)),
          received_rate,
          count_text(get(r.rejected)),
          count_text(get(r.streams[0].datagrams)),
          count_text(decimated_sum(*view.now).datagrams),
          count_text(get(w.recorded)),
          count_text(get(r.unrecorded)),
          count_text(get(r.kernel_drops)),
          get(r.has_sequence) != 0 ? count_text(get(r.sequence.lost)) : "-",
          count_text(get(r.stale)),
          disk_word(get(w.disk_state)),
          p99 ? latency_text(*p99) : "-"};
}

bool is_text(size_t column) { return column <= 1 || column == kDisk; }

void append_row(const Row& row, const std::array<size_t, kColumns>& widths, std::string* out) {
  std::string line;
  for (size_t i = 0; i < kColumns; ++i) {
    if (widths[i] == 0) continue;
    std::string cell = row[i];
    if (cell.size() > widths[i]) cell = cell.substr(0, widths[i] - 1) + "~";
    const std::string padding(widths[i] - cell.size(), ' ');
    line += is_text(i) ? cell + padding : padding + cell;
    line += ' ';
  }
  line.erase(line.find_last_not_of(' ') + 1);
  *out += line + "\n";
}

// Whether there is anything to count in any of the channels.
template <typename Counted>
bool any(const std::vector<View>& views, Counted counted) {
  return std::any_of(views.begin(), views.end(),
                     [&](const View& view) { return counted(view.now->receiver) > 0; });
}

}  // namespace

std::string disk_word(uint64_t state) {
  switch (static_cast<DiskState>(state)) {
    case DiskState::kStalled:
      return "stall";
    case DiskState::kUnmounted:
      return "unmnt";
    default:
      return std::string(disk_state_name(static_cast<DiskState>(state))).substr(0, 5);
  }
}

bool is_silent(const View& view) {
  return view.service.state == State::kUp && get(view.now->receiver.silent_since_ns) > 0;
}

StreamSum decimated_sum(const CountersPage& page) {
  StreamSum sum;
  for (size_t i = 1; i < kStreamsMax; ++i) {
    sum.datagrams += get(page.receiver.streams[i].datagrams);
    sum.bytes += get(page.receiver.streams[i].bytes);
    sum.send_errors += get(page.receiver.streams[i].send_errors);
  }
  return sum;
}

StreamSum all_streams_sum(const CountersPage& page) {
  StreamSum sum = decimated_sum(page);
  sum.datagrams += get(page.receiver.streams[0].datagrams);
  sum.bytes += get(page.receiver.streams[0].bytes);
  sum.send_errors += get(page.receiver.streams[0].send_errors);
  return sum;
}

double rate(uint64_t before, uint64_t now, double interval_s) {
  return now > before && interval_s > 0 ? static_cast<double>(now - before) / interval_s : 0;
}

std::string table_text(const std::vector<View>& views, size_t width) {
  std::vector<Row> rows = {kHead};
  for (const View& view : views) rows.push_back(row_of(view));
  std::array<size_t, kColumns> widths = {};
  for (const Row& row : rows) {
    for (size_t i = 0; i < kColumns; ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  const bool lost = any(views, [](const ReceiverCounters& r) {
    return get(r.has_sequence) != 0 ? get(r.sequence.lost) : 0;
  });
  if (!lost) widths[kLost] = 0;
  if (!any(views, [](const ReceiverCounters& r) { return get(r.stale); })) widths[kStale] = 0;
  // Names are cut first, then these columns are left out, from the first on.
  constexpr size_t kDispensable[] = {7, 6, 8, 5, 14, 2, 4, 3, 12, 9, 11, 10, 13, 1};
  const auto others = [&] {
    size_t sum = 0;
    for (size_t i = 1; i < kColumns; ++i) sum += widths[i] > 0 ? widths[i] + 1 : 0;
    return sum;
  };
  const size_t name_min = std::min(widths[0], kNameMin);
  for (const size_t column : kDispensable) {
    if (width > 0 && others() + name_min > width) widths[column] = 0;
  }
  if (width > 0 && others() + widths[0] > width)
    widths[0] = std::max(name_min, width > others() ? width - others() : 0);
  std::string text;
  for (const Row& row : rows) append_row(row, widths, &text);
  return text;
}

}  // namespace sdr::status
