#include "tools/recording/block_times.h"

#include <algorithm>

#include "tools/lib/int128.h"
#include "tools/lib/time_ns.h"

namespace sdr::recording {
namespace {

int64_t ns_of(int64_t time_us) { return clamp_time_ns(Int128{time_us} * 1000); }

int64_t last_of(const BlockTimes::Spread& spread, int64_t datums) {
  return spread.at(std::max<int64_t>(datums - 1, 0));
}

int64_t interval_of(const BlockTimes::Spread& spread) { return spread.span_ns / spread.of; }

}  // namespace

int64_t BlockTimes::Spread::at(int64_t i) const {
  return clamp_time_ns(base_ns + Int128{span_ns} * (Int128{i} + plus) / of);
}

BlockTimes::BlockTimes(const std::vector<IndexRow>& rows, int64_t start_us) {
  bool has_before = false;
  int64_t before_us = 0;
  for (const IndexRow& row : rows) {
    if (row.datums == 0) continue;
    const int64_t datums = static_cast<int64_t>(std::min<uint64_t>(row.datums, INT64_MAX));
    Block block = {row.offset, datums, row.has_times, {}};
    if (row.has_times) {
      // The first time may be that of the datum before the block, which has it already.
      const bool is_of_before = datums == 1 || (has_before && row.first_time_us == before_us);
      block.spread.base_ns = ns_of(row.first_time_us);
      block.spread.span_ns = std::max<int64_t>(ns_of(row.last_time_us) - block.spread.base_ns, 0);
      block.spread.plus = is_of_before;
      block.spread.of = is_of_before ? datums : std::max<int64_t>(datums - 1, 1);
      has_before = true;
      before_us = row.last_time_us;
    }
    blocks_.push_back(block);
  }
  for (size_t begin = 0; begin < blocks_.size();) {
    size_t end = begin;
    while (end < blocks_.size() && !blocks_[end].has_times) ++end;
    if (end > begin) settle_unknown(begin, end, start_us);
    begin = end + 1;
  }
}

void BlockTimes::settle_unknown(size_t begin, size_t end, int64_t start_us) {
  Int128 total = 1;  // intervals between the datums known on either side
  for (size_t i = begin; i < end; ++i) total += blocks_[i].datums;
  const bool has_before = begin > 0;
  const bool has_behind = end < blocks_.size();
  const Block* const before = has_before ? &blocks_[begin - 1] : nullptr;
  const Block* const behind = has_behind ? &blocks_[end] : nullptr;
  int64_t from_ns = before ? last_of(before->spread, before->datums) : 0;
  int64_t until_ns = behind ? behind->spread.at(0) : 0;
  const auto moved_by = [&](int64_t time_ns, const Block& at_rate_of, int sign) {
    return clamp_time_ns(time_ns + sign * total * interval_of(at_rate_of.spread));
  };
  if (!before && behind)
    from_ns = start_us >= 0 && ns_of(start_us) <= until_ns ? ns_of(start_us)
                                                           : moved_by(until_ns, *behind, -1);
  if (before && !behind) until_ns = moved_by(from_ns, *before, 1);
  const int64_t of = clamp_time_ns(total);
  int64_t done = 0;
  for (size_t i = begin; i < end; ++i) {
    blocks_[i].spread = {from_ns, std::max<int64_t>(until_ns - from_ns, 0), done + 1, of};
    done = clamp_time_ns(Int128{done} + blocks_[i].datums);
  }
}

BlockTimes::Spread BlockTimes::next(uint64_t offset, int64_t datums) {
  while (at_ < blocks_.size() && blocks_[at_].offset < offset) {
    const Block& passed = blocks_[at_++];
    last_ns_ = last_of(passed.spread, passed.datums);
    interval_ns_ = interval_of(passed.spread);
  }
  if (at_ < blocks_.size() && blocks_[at_].offset == offset) return blocks_[at_].spread;
  const Spread spread = {last_ns_, interval_ns_, 1, 1};
  last_ns_ = last_of(spread, datums);
  return spread;
}

}  // namespace sdr::recording
