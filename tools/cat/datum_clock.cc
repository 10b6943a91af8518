#include "tools/cat/datum_clock.h"

#include "relay/format/segment_name.h"
#include "relay/format/varint.h"
#include "tools/lib/int128.h"
#include "tools/lib/time_ns.h"

namespace sdr::cat {

DatumClock::DatumClock(const std::string& path, const SegmentReader& segment, bool is_open,
                       const Shape& shape, const std::optional<TimeField>& field)
    : shape_(shape), field_(field) {
  const int64_t start_us = parse_iso_time(segment.metadata("sdr.started"));
  RangePlan plan = plan_range(path, segment, is_open, {}, false, start_us);
  has_index_ = !plan.rows.empty();
  rows_ = std::move(plan.rows);
  lacks_ = std::move(plan.lacks);
  troubles_ = std::move(plan.troubles);
  if (field_ && field_->is_receive_time) {
    by_ = By::kReceiveTime;
  } else if (plan.is_known) {
    by_ = By::kIndex;
    block_times_.emplace(rows_, start_us);
  } else if (field_) {
    by_ = By::kTimeField;
  }
}

void DatumClock::begin_block(uint64_t offset, int64_t datums) {
  if (block_times_) spread_ = block_times_->next(offset, datums);
}

std::optional<int64_t> DatumClock::time_ns(int64_t i, std::span<const uint8_t> datum) const {
  if (by_ == By::kIndex) return spread_.at(i);
  if (by_ == By::kNothing) return {};
  size_t at = 0;
  shape_.walk_past(datum, field_->path, &at);
  const uint8_t* from = datum.data() + at;
  int64_t number = 0;
  if (get_varint(&from, datum.data() + datum.size(), &number) != VarintStatus::kOk) return {};
  return clamp_time_ns(Int128{number} * 1000000000 / field_->units_per_s);
}

// A row tells what was lost behind the row before. One without times is of the range if that is.
Losses DatumClock::losses(const TimeRange& range) const {
  Losses found = {};
  bool is_of_it = true;
  for (const IndexRow& row : rows_) {
    if (row.has_times)
      is_of_it = range.meets(std::min(row.first_time_us, row.last_time_us),
                             std::max(row.first_time_us, row.last_time_us));
    if (is_of_it) found = found + row.losses;
  }
  return found;
}

}  // namespace sdr::cat
