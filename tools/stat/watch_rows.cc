#include "tools/stat/watch_rows.h"

#include <algorithm>
#include <array>

#include "tools/stat/percentile.h"

namespace sdr::status {
namespace {

std::string state_word(const View& view) {
  if (is_silent(view)) return "silent";
  return view.service.state == State::kStarting ? "start" : state_name(view.service.state);
}

// Of what was relayed between the two readings.
uint64_t p99_between(const View& view) {
  if (!view.before) return 0;
  std::array<Counter, kLatencyBuckets> buckets = {};
  for (size_t i = 0; i < kLatencyBuckets; ++i) {
    const uint64_t now = get(view.now->receiver.latency[i]);
    const uint64_t then = get(view.before->receiver.latency[i]);
    set(buckets[i], now > then ? now - then : 0);
  }
  return percentile(buckets, 990, get(view.now->receiver.latency_max_ns)).value_or(0);
}

uint64_t losses(const WatchRow& row) {
  return row.rejected + row.drops + row.lost + row.unrecorded;
}

// Whether `a` comes before `b`, names aside.
bool goes_before(WatchSort sort, const WatchRow& a, const WatchRow& b) {
  switch (sort) {
    case WatchSort::kTrouble:
      return a.severity > b.severity;
    case WatchSort::kName:
      return a.name < b.name;
    case WatchSort::kRate:
      return a.rate > b.rate;
    case WatchSort::kLoss:
      return losses(a) > losses(b);
    case WatchSort::kLatency:
      break;
  }
  return a.p99_ns > b.p99_ns;
}

}  // namespace

const char* sort_name(WatchSort sort) {
  static constexpr const char* kNames[] = {"trouble", "name", "rate", "loss", "latency"};
  return kNames[static_cast<size_t>(sort)];
}

std::vector<WatchRow> WatchHistory::rows(const std::vector<View>& views) {
  std::vector<WatchRow> rows;
  std::map<std::string, std::deque<double>> rates;
  for (const View& view : views) {
    const ReceiverCounters& r = view.now->receiver;
    WatchRow row = {.name = view.name, .state = state_word(view)};
    row.troubles = troubles_of(view);
    row.severity = exit_code_of(row.troubles);
    row.has_rate = view.before != nullptr;
    if (row.has_rate)
      row.rate = rate(get(view.before->receiver.received), get(r.received), view.interval_s);
    row.rejected = get(r.rejected);
    row.drops = get(r.kernel_drops);
    row.has_sequence = get(r.has_sequence) != 0;
    row.lost = row.has_sequence ? get(r.sequence.lost) : 0;
    row.unrecorded = get(r.unrecorded);
    row.disk = disk_word(get(view.now->writer.disk_state));
    row.p99_ns = p99_between(view);
    row.history = std::move(rates_[view.name]);
    row.history.push_back(row.has_rate ? row.rate : -1);
    if (row.history.size() > kHistoryMax) row.history.pop_front();
    rates[view.name] = row.history;
    rows.push_back(std::move(row));
  }
  rates_ = std::move(rates);
  return rows;
}

void sort_rows(WatchSort sort, bool reversed, std::vector<WatchRow>* rows) {
  std::stable_sort(rows->begin(), rows->end(), [&](const WatchRow& a, const WatchRow& b) {
    if (goes_before(sort, a, b)) return !reversed;
    if (goes_before(sort, b, a)) return reversed;
    return a.name < b.name;
  });
}

std::string sparkline(const std::deque<double>& rates, size_t columns, bool utf8) {
  static constexpr const char* kBars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  static constexpr const char* kPlain[] = {"_", ".", ":", "-", "=", "+", "*", "#"};
  constexpr double kLevels = std::size(kBars);
  const size_t shown = std::min(columns, rates.size());
  std::string text(columns - shown, ' ');
  const auto first = rates.end() - static_cast<ptrdiff_t>(shown);
  const double most = shown > 0 ? *std::max_element(first, rates.end()) : 0;
  for (auto rate = first; rate != rates.end(); ++rate) {
    if (*rate < 0) {
      text += ' ';
      continue;
    }
    const double level = most > 0 ? *rate / most * kLevels : 0;
    const size_t bar = std::min(static_cast<size_t>(level), std::size(kBars) - 1);
    text += utf8 ? kBars[bar] : kPlain[bar];
  }
  return text;
}

}  // namespace sdr::status
