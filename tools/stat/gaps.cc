#include "tools/stat/gaps.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "tools/lib/counted.h"
#include "tools/lib/time_text.h"
#include "tools/stat/view.h"

namespace sdr::status {
namespace {

constexpr size_t kColumns = 4;
using Row = std::array<std::string, kColumns>;

std::string time_of(uint64_t time_ns) {
  return time_text(static_cast<int64_t>(time_ns / 1000), false);
}

// "engine: 17 numbers lost in 3 gaps since 2026-11-22T21:15:00.000000+0100".
std::string sum_text(const Gaps& gaps) {
  const SequenceCounters& sequence = gaps.page->receiver.sequence;
  const uint64_t count = get(sequence.gaps);
  std::string text = gaps.name + ": ";
  text += count == 0 ? "no number lost"
                     : counted(get(sequence.lost), "number") + " lost in " + counted(count, "gap");
  text += " since " + time_of(gaps.page->page_time_ns);
  if (gaps.ranges.size() < count)
    text += ", of which the last " + std::to_string(gaps.ranges.size()) + " are kept";
  return text + "\n";
}

std::string table_of(const std::vector<Row>& rows) {
  std::array<size_t, kColumns> widths = {};
  for (const Row& row : rows) {
    for (size_t i = 0; i < kColumns; ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    for (size_t i = 0; i < kColumns; ++i) {
      const std::string padding(widths[i] - row[i].size(), ' ');
      text += i < 2 ? row[i] + padding : padding + row[i];
      text += i + 1 < kColumns ? ' ' : '\n';
    }
  }
  return text;
}

}  // namespace

std::vector<LostRange> kept_ranges(const CountersPage& page, uint64_t gaps_now) {
  const uint64_t end = get(page.receiver.sequence.gaps);
  // Less than before: the page was begun anew.
  if (gaps_now < end) return {};
  constexpr uint64_t kSure = kLostRangesKept - 1;
  std::vector<LostRange> ranges;
  for (uint64_t i = gaps_now > kSure ? gaps_now - kSure : 0; i < end; ++i) {
    const LostNumbers& lost = page.receiver.lost_ranges[i % kLostRangesKept];
    ranges.push_back({get(lost.time_ns), static_cast<int64_t>(get(lost.first)), get(lost.count)});
  }
  return ranges;
}

void print_gaps(const Gaps& gaps, JsonWriter* out) {
  const ReceiverCounters& receiver = gaps.page->receiver;
  out->begin_object().member("name", gaps.name);
  print_sequence(receiver, out);
  out->member("page_time_ns", gaps.page->page_time_ns).key("lost_ranges");
  if (get(receiver.has_sequence) == 0) {
    out->value(nullptr).end_object();
    return;
  }
  out->begin_array();
  for (const LostRange& range : gaps.ranges) {
    out->begin_object().member("time_ns", range.time_ns).member("first", range.first);
    out->member("count", range.count).end_object();
  }
  out->end_array().end_object();
}

std::string gaps_text(const std::vector<Gaps>& channels) {
  std::vector<Row> rows = {{"NAME", "TIME", "FIRST", "COUNT"}};
  std::string sums;
  for (const Gaps& gaps : channels) {
    for (const LostRange& range : gaps.ranges)
      rows.push_back({gaps.name, time_of(range.time_ns), std::to_string(range.first),
                      std::to_string(range.count)});
    sums += sum_text(gaps);
  }
  return (rows.size() > 1 ? table_of(rows) : "") + sums;
}

}  // namespace sdr::status
