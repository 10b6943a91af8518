// What Cat does with the blocks of a segment.
#include <string.h>

#include "relay/format/varint.h"
#include "tools/cat/cat.h"

namespace sdr::cat {
namespace {

bool may_be_whole(const OcfBlock& block, const Shape& shape) {
  const Reject reason = shape.check(block);
  return reason == Reject::kNone || reason == Reject::kUtf8;
}

// Whether a datum that was found sound is of the range, by its time field at `at`.
bool is_wanted(const TimeField& field, const TimeRange& range, std::span<const uint8_t> datum,
               size_t at) {
  const uint8_t* from = datum.data() + at;
  int64_t number;
  return get_varint(&from, datum.data() + datum.size(), &number) == VarintStatus::kOk &&
         field.is_in(range, number);
}

}  // namespace

void Cat::read_blocks(Reading* reading, uint64_t end) {
  Tally* const tally = reading->tally;
  int64_t lost_before = 0;
  while (!done()) {
    const Found found = reading->reader->next();
    if (!is_following_) progress_->update(bytes_before_ + reading->reader->position());
    const uint64_t offset = static_cast<uint64_t>(found.offset);
    switch (found.event) {
      case Event::kBlock:
        if (offset >= end) return;
        if (tally->open_segment && !verifies() &&
            !may_be_whole(found.block, reading->decoder->shape()) && reading->reader->reread())
          continue;
        if (reading->ledger) reading->ledger->note_block(offset, found.block.datums);
        lost_before = tally->lost_datums + tally->damages;
        read_block(found, reading);
        if (options_.follow)
          note_place(*reading, found, tally->lost_datums + tally->damages == lost_before);
        if (flush_each_block_ && options_.mode == Mode::kPrint) sink_->settle(&output_->text);
        output_->flush(flush_each_block_);
        break;
      case Event::kDamage:
        if (offset >= end) return;
        note_damage(reading->path, found, tally);
        if (options_.follow) note_place(*reading, found, false);
        break;
      case Event::kTail:
        tally->tail_bytes = found.size;
        return;
      case Event::kError:
        tally->fatal = std::string("unable to read: ") + strerror(found.sys_errno);
        raise(111);
        return;
      case Event::kEnd:
        return;
    }
    if (offset + static_cast<uint64_t>(found.size) >= end) return;
  }
}

void Cat::read_block(const Found& found, Reading* reading) {
  const OcfBlock& block = found.block;
  const Shape& shape = reading->decoder->shape();
  Tally* const tally = reading->tally;
  ++tally->blocks;
  if (verifies()) {
    tally->datums += block.datums;
    return;
  }
  if (reading->clock)
    reading->clock->begin_block(static_cast<uint64_t>(found.offset), block.datums);
  if (digest_) digest_->begin_block(static_cast<uint64_t>(found.offset), block.datums);
  size_t at = 0;
  auto lose = [&](int64_t index, const char* reason) {
    say(reading->path, datum_text(found, index, reason));
    tally->lost_datums += block.datums - index;
  };
  if (shape.has_too_many(block)) return lose(0, reject_name(Reject::kLength));
  const bool judges = reading->trust == Trust::kEach;
  for (int64_t i = 0; i < block.datums && !done(); ++i) {
    const std::span<const uint8_t> rest = block.data.subspan(at);
    size_t time_at = 0;
    const Walk walk =
        judges ? shape.walk_past(rest, reading->time_field->path, &time_at) : shape.walk(rest);
    if (walk.reject != Reject::kNone) return lose(i, reject_name(walk.reject));
    const std::span<const uint8_t> datum = rest.first(walk.size);
    at += walk.size;
    if (judges && !is_wanted(*reading->time_field, options_.range, datum, time_at)) continue;
    if (options_.mode == Mode::kPrint) {
      std::string why;
      if (skip_ > 0) {
        --skip_;
        continue;
      }
      if (!print_datum(i, datum, *reading, &why)) return lose(i, printable(why).c_str());
      tally->nul_in_key += walk.nul_in_key;
    }
    if (digest_) digest_->take(i, datum);
    tally->utf8_bad += walk.utf8_bad;
    tally->unsure_datums += reading->trust == Trust::kUnsure;
    ++tally->datums;
  }
  if (done() || at == block.data.size()) return;
  say(reading->path, std::to_string(block.data.size() - at) +
                         " bytes are left over in the block at offset " +
                         std::to_string(found.offset));
  ++tally->damages;
  tally->lost_bytes += static_cast<int64_t>(block.data.size() - at);
}

bool Cat::print_datum(int64_t i, std::span<const uint8_t> datum, const Reading& reading,
                      std::string* why) {
  std::optional<int64_t> time_us;
  if (reading.clock) {
    // Floored: what was received before the epoch is, too.
    if (const std::optional<int64_t> time_ns = reading.clock->time_ns(i, datum))
      time_us = *time_ns / 1000 - (*time_ns % 1000 < 0 ? 1 : 0);
  }
  if (!sink_->put(datum, time_us, &output_->text, why)) return false;
  output_->flush(false);
  ++printed_;
  return true;
}

void Cat::note_damage(const std::string& path, const Found& found, Tally* tally) {
  ++tally->damages;
  if (!found.lost.empty_block) tally->lost_bytes += found.size;
  say(path, damage_text(found));
}

}  // namespace sdr::cat
