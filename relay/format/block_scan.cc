#include "relay/format/block_scan.h"

#include <string.h>

namespace sdr {
namespace {

constexpr uint64_t kNowhere = ~0ull;

ScanFound more(size_t bytes) {
  ScanFound found;
  found.event = ScanEvent::kMore;
  found.bytes = bytes;
  return found;
}

}  // namespace

const char* why_lost(const LostRange& lost) {
  if (lost.all_zero) return "all zero";
  if (lost.unfinished) return "the file ends inside a block";
  if (lost.reason == Reject::kTruncated) return "a sector is missing";
  return lost.reason == Reject::kNone ? "no sound block" : "datums that are none of the schema";
}

void BlockScan::begin(const uint8_t sync[kSyncBytes], uint64_t offset, uint64_t data_bytes_max,
                      Check check, void* context) {
  memcpy(sync_, sync, kSyncBytes);
  data_bytes_max_ = data_bytes_max;
  check_ = check;
  context_ = context;
  restart(offset);
}

void BlockScan::restart(uint64_t offset) {
  phase_ = Phase::kBlocks;
  position_ = offset;
  marker_ = kNowhere;
  searched_to_ = offset;
  lost_ = {};
}

// kShort: the bytes end inside a block that may be good, and wanted_bytes_ would tell.
BlockStatus BlockScan::judge(std::span<const uint8_t> bytes, OcfBlock* block) {
  stated_end_ = 0;
  reason_ = Reject::kNone;
  BlockHead head;
  BlockStatus status = parse_block_head(bytes, &head);
  wanted_bytes_ = status == BlockStatus::kShort ? kBlockHeadBytesMax : head.size();
  if (status != BlockStatus::kOk) return status;
  if (head.data_bytes > data_bytes_max_) return BlockStatus::kDamaged;
  stated_end_ = position_ + head.size();
  status = parse_ocf_block(bytes, sync_, block);
  if (status != BlockStatus::kOk || !check_) return status;
  reason_ = check_(*block, context_);
  return reason_ == Reject::kNone ? BlockStatus::kOk : BlockStatus::kDamaged;
}

ScanFound BlockScan::next(std::span<const uint8_t> bytes, Rest rest) {
  ScanFound found;
  if (phase_ == Phase::kBlocks) {
    if (bytes.empty()) return rest == Rest::kEnd ? found : more(1);
    const BlockStatus status = judge(bytes, &found.block);
    if (status == BlockStatus::kOk) {
      found.event = ScanEvent::kBlock;
      found.bytes = found.block.size;
      position_ += found.bytes;
      return found;
    }
    if (status == BlockStatus::kShort && rest == Rest::kMore) return more(wanted_bytes_);
    begin_loss(bytes, status == BlockStatus::kShort && rest == Rest::kEnd);
  }
  if (phase_ == Phase::kTrying) {
    if (bytes.empty() && rest == Rest::kEnd) return end_loss(true);
    if (bytes.empty()) return more(1);
    const BlockStatus status = judge(bytes, &found.block);
    if (status == BlockStatus::kOk) return end_loss(false);
    if (status == BlockStatus::kShort && rest == Rest::kMore) return more(wanted_bytes_);
    // The last block of a file may be unfinished; that is another loss than the one before it.
    if (status == BlockStatus::kShort && rest == Rest::kEnd && find_marker(bytes) == kNowhere)
      return end_loss(false);
    const bool ends_behind_file = status == BlockStatus::kShort && rest == Rest::kEnd;
    if (stated_end_ != 0 && !ends_behind_file) candidate_ = stated_end_;
    phase_ = Phase::kSearching;
  }
  return search(bytes, rest);
}

void BlockScan::begin_loss(std::span<const uint8_t> bytes, bool unfinished) {
  phase_ = Phase::kSearching;
  lost_ = {};
  lost_.offset = position_;
  lost_.all_zero = true;
  lost_.empty_block = bytes.size() >= 2 && bytes[0] == 0 && bytes[1] == 0;
  lost_.unfinished = unfinished;
  lost_.reason = reason_;
  candidate_ = stated_end_ != 0 ? stated_end_ : kNowhere;
}

ScanFound BlockScan::end_loss(bool at_end) {
  phase_ = Phase::kBlocks;
  lost_.bytes = position_ - lost_.offset;
  lost_.empty_block = lost_.empty_block && !lost_.all_zero && lost_.bytes == 2 + kSyncBytes;
  lost_.at_end = at_end;
  ScanFound found;
  found.event = ScanEvent::kLost;
  found.lost = lost_;
  return found;
}

ScanFound BlockScan::pass(std::span<const uint8_t> bytes, size_t size) {
  for (size_t i = 0; i < size && lost_.all_zero; ++i) lost_.all_zero = bytes[i] == 0;
  position_ += size;
  ScanFound found;
  found.event = ScanEvent::kPass;
  found.bytes = size;
  return found;
}

void BlockScan::lose(uint64_t bytes) {
  if (phase_ == Phase::kBlocks) {
    stated_end_ = 0;
    reason_ = Reject::kNone;
    begin_loss({}, false);
  }
  phase_ = Phase::kSearching;
  lost_.all_zero = false;
  lost_.unfinished = false;
  position_ += bytes;
}

// Where the first marker at or behind position_ begins, or kNowhere in these bytes. What was looked
// through once is not looked through again: the places to try may be many.
uint64_t BlockScan::find_marker(std::span<const uint8_t> bytes) {
  if (marker_ != kNowhere && marker_ >= position_) return marker_;
  marker_ = kNowhere;
  if (searched_to_ < position_) searched_to_ = position_;
  const uint8_t* const end = bytes.data() + bytes.size();
  const uint64_t searched = searched_to_ - position_;
  const uint8_t* at = searched < bytes.size() ? bytes.data() + searched : end;
  while (end - at >= static_cast<ptrdiff_t>(kSyncBytes)) {
    const size_t places = static_cast<size_t>(end - at) - kSyncBytes + 1;
    const void* const first = memchr(at, sync_[0], places);
    at = first ? static_cast<const uint8_t*>(first) : at + places;
    if (!first) break;
    if (memcmp(at, sync_, kSyncBytes) == 0) {
      marker_ = position_ + static_cast<uint64_t>(at - bytes.data());
      break;
    }
    ++at;
  }
  searched_to_ = position_ + static_cast<uint64_t>(at - bytes.data());
  return marker_;
}

// Passes what is before the next place where a block may begin.
ScanFound BlockScan::search(std::span<const uint8_t> bytes, Rest rest) {
  const uint64_t marker = find_marker(bytes);
  uint64_t stop = marker == kNowhere ? kNowhere : marker + kSyncBytes;
  const uint64_t end = position_ + bytes.size();
  // A marker that reaches over the candidate shows that it is none.
  if (candidate_ >= position_ && candidate_ <= end && marker >= candidate_ &&
      (end - candidate_ >= kSyncBytes - 1 || rest != Rest::kMore))
    stop = candidate_;
  if (stop <= end) {
    if (stop == marker + kSyncBytes) lost_.unfinished = false;
    if (candidate_ <= stop) candidate_ = kNowhere;
    phase_ = Phase::kTrying;
    return pass(bytes, static_cast<size_t>(stop - position_));
  }
  if (bytes.empty()) return rest == Rest::kEnd ? end_loss(true) : more(1);
  // A marker may have begun in the last bytes.
  const size_t kept = rest == Rest::kMore ? kSyncBytes - 1 : 0;
  return bytes.size() > kept ? pass(bytes, bytes.size() - kept) : more(kSyncBytes);
}

}  // namespace sdr
