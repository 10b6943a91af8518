// What a LaneReader does with the blocks of a segment.
#include <cstring>

#include "relay/format/varint.h"
#include "tools/feed/lane_reader.h"
#include "tools/lib/int128.h"

namespace sdr {

using namespace recording;

namespace {

constexpr size_t kDatagramBytes = 65507;

}  // namespace

// The open segment may be caught in the middle of a write.
bool LaneReader::is_half_written(const Reading& reading, const OcfBlock& block) const {
  if (!reading.is_open) return false;
  const Reject reject = form_->shape.check(block);
  return reject != Reject::kNone && reject != Reject::kUtf8;
}

void LaneReader::read_blocks(Reading* reading, uint64_t end) {
  while (!is_done_) {
    const Found found = reading->reader->next();
    const uint64_t offset = static_cast<uint64_t>(found.offset);
    switch (found.event) {
      case Event::kBlock:
        if (offset >= end) return;
        if (is_half_written(*reading, found.block) && reading->reader->reread()) continue;
        read_block(found, reading);
        sink_.end_block();
        break;
      case Event::kDamage:
        if (offset >= end) return;
        fail(reading->path, damage_text(found), 1);
        break;
      case Event::kError:
        fail(reading->path, std::string("unable to read: ") + std::strerror(found.sys_errno), 111);
        return;
      case Event::kTail:
      case Event::kEnd:
        return;
    }
    if (offset + static_cast<uint64_t>(found.size) >= end) return;
  }
}

void LaneReader::read_block(const Found& found, Reading* reading) {
  const OcfBlock& block = found.block;
  BlockTimes::Spread spread;
  if (reading->block_times)
    spread = reading->block_times->next(static_cast<uint64_t>(found.offset), block.datums);
  const auto lose = [&](int64_t index, Reject reject) {
    fail(reading->path, datum_text(found, index, reject_name(reject)), 1);
  };
  if (form_->shape.has_too_many(block)) return lose(0, Reject::kLength);
  size_t at = 0;
  for (int64_t i = 0; i < block.datums && !is_done_; ++i) {
    Datum datum = {{}, 0, true, timeline_.last()};
    if (reading->block_times) datum.time_ns = spread.at(i);
    const Reject reject = look_at(block.data.subspan(at), *reading, &datum);
    if (reject != Reject::kNone) return lose(i, reject);
    at += datum.walked;
    if (datum.is_wanted) is_done_ = !take(datum, reading);
  }
  if (is_done_ || at == block.data.size()) return;
  fail(reading->path,
       std::to_string(block.data.size() - at) + " bytes are left over in the block at offset " +
           std::to_string(found.offset),
       1);
}

// The datum at the front of `rest`, whether it is wanted, and its time where it has one itself.
Reject LaneReader::look_at(std::span<const uint8_t> rest, const Reading& reading,
                           Datum* datum) const {
  const std::optional<TimeField>& field = form_->time_field;
  size_t at = 0;
  const Walk walk =
      field ? form_->shape.walk_past(rest, field->path, &at) : form_->shape.walk(rest);
  if (walk.reject != Reject::kNone) return walk.reject;
  datum->walked = walk.size;
  const std::span<const uint8_t> whole = rest.first(walk.size);
  datum->bytes = has_receive_time() ? whole.first(at) : whole;
  if (field && (reading.trust == Trust::kEach || has_receive_time())) {
    const uint8_t* from = whole.data() + at;
    int64_t number = 0;
    if (get_varint(&from, whole.data() + whole.size(), &number) != VarintStatus::kOk)
      return Reject::kVarint;
    if (reading.trust == Trust::kEach) datum->is_wanted = field->is_in(options_.range, number);
    if (has_receive_time()) datum->time_ns = clamp_time_ns(Int128{number} * 1000);
  }
  if (!form_->pace_field || !datum->is_wanted) return Reject::kNone;
  form_->shape.walk_past(whole, form_->pace_field->path, &at);
  // A time that is no number is that of the datum before.
  datum->time_ns = form_->pace_field->time_ns(whole, at).value_or(timeline_.last());
  return Reject::kNone;
}

bool LaneReader::take(const Datum& datum, Reading* reading) {
  if (datum.bytes.size() > kDatagramBytes) {
    ++reading->large_datums;
    return true;
  }
  reading->unsure_datums += reading->trust == Trust::kUnsure;
  return sink_.take(timeline_.place(datum.time_ns), datum.bytes);
}

}  // namespace sdr
