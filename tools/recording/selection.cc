#include "tools/recording/selection.h"

#include <algorithm>

namespace sdr::recording {
namespace {

// Receive times come in order, but for datagrams that overtook each other on their way through the
// kernel.
constexpr int64_t kDisorderUs = 1000000;

int64_t earlier(int64_t us) { return us < INT64_MIN + kDisorderUs ? INT64_MIN : us - kDisorderUs; }
int64_t later(int64_t us) { return us > INT64_MAX - kDisorderUs ? INT64_MAX : us + kDisorderUs; }

}  // namespace

SpanPlan::SpanPlan(const TimeRange& range, bool judges, uint64_t header_bytes, int64_t start_us)
    : range_(range),
      judges_(judges),
      known_us_(start_us >= 0 ? start_us : INT64_MIN),
      last_offset_(header_bytes),
      unknown_begin_(header_bytes) {}

void SpanPlan::begin_part(uint64_t offset, bool is_wanted, Trust trust) {
  if (is_open_ && is_wanted && spans_.back().trust == trust) return;
  if (is_open_) spans_.back().end = offset;
  if (is_open_ && spans_.back().begin == offset) spans_.pop_back();
  is_open_ = is_wanted;
  if (is_wanted) spans_.push_back({offset, kFileEnd, trust});
}

// Blocks without times lie between known_us_ and `until_us`.
void SpanPlan::settle_unknown(int64_t until_us) {
  if (!has_unknown_) return;
  has_unknown_ = false;
  const bool may = clock_stepped_ || range_.meets(std::min(known_us_, until_us), until_us);
  begin_part(unknown_begin_, judges_ || may, judges_ ? Trust::kEach : Trust::kUnsure);
  clock_stepped_ = false;
}

void SpanPlan::add(const IndexRow& row) {
  clock_stepped_ = clock_stepped_ || row.losses.clock_steps > 0;
  if (row.datums == 0) return;
  last_offset_ = row.offset;
  if (!row.has_times) {
    if (!has_unknown_) unknown_begin_ = row.offset;
    has_unknown_ = true;
    return;
  }
  knows_times_ = true;
  const bool stepped = clock_stepped_;
  settle_unknown(row.first_time_us);
  const int64_t low = std::min(row.first_time_us, row.last_time_us);
  const int64_t high = std::max(row.first_time_us, row.last_time_us);
  if (judges_)
    begin_part(row.offset, stepped || range_.meets(earlier(low), later(high)), Trust::kEach);
  else
    begin_part(row.offset, range_.meets(low, high), Trust::kWhole);
  clock_stepped_ = false;
  known_us_ = row.last_time_us;
}

std::vector<Span> SpanPlan::finish(uint64_t rows_end) {
  if (!has_unknown_) unknown_begin_ = rows_end;
  has_unknown_ = true;
  settle_unknown(INT64_MAX);
  return spans_;
}

std::vector<bool> choose_segments(std::span<const int64_t> starts_us, const TimeRange& range,
                                  const std::function<bool(size_t)>& is_recovered) {
  const size_t count = starts_us.size();
  const auto is_set_back = [&](size_t i) {
    return i > 0 && i < count && starts_us[i] - starts_us[i - 1] <= 1;
  };
  const int64_t from_us = earlier(range.from_us);
  const int64_t to_us = later(range.to_us);
  std::vector<bool> chosen(count);
  size_t before = 0;
  for (size_t i = 0; i < count; ++i) {
    if (starts_us[i] < from_us) before = i + 1;
    chosen[i] =
        starts_us[i] >= from_us && (starts_us[i] < to_us || is_set_back(i) || is_set_back(i + 1));
  }
  for (size_t i = before; i-- > 0;) {
    chosen[i] = true;
    if (!is_set_back(i) && !is_recovered(i)) break;
  }
  return chosen;
}

}  // namespace sdr::recording
