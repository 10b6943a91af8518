// Finds the sound blocks of a container file, and what of it is lost, whatever stands between them.
//
// A block is sound if its head is sane, the file's sync marker ends it and, where the caller can
// tell, it holds exactly as many good datums as it says. It is trusted whole or not at all: within
// a damaged one, bytes that happen to make datums are no evidence.
//
// Behind damage the search goes on at the next place where a block may begin: behind a sync marker,
// or where the head of the bad block says that it ends, since its marker may be all that is wrong
// with it. So a block is found again if it is sound and either the marker in front of it is whole
// or the head of a block found there is. All between two sound blocks is one lost range.
//
// The caller brings the bytes, a window at a time: there is no system call and no memory here, and
// the work grows with the bytes only. The relay's repair and sdr-cat share this.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "relay/format/layout.h"
#include "relay/format/ocf.h"

namespace sdr {

// What is behind the bytes of a window.
enum class Rest : uint8_t {
  kMore,  // more, which the caller can bring
  kEnd,   // the end of the file
  kGap,   // what cannot be read: once all before it is used up (kMore), lose() it
};

struct LostRange {
  uint64_t offset = 0;  // in the file
  uint64_t bytes = 0;
  bool all_zero = false;
  bool empty_block = false;       // a block without datums, which many readers stop at
  bool at_end = false;            // it reaches to the end of the file
  bool unfinished = false;        // … which ends inside a block that may have been good so far
  Reject reason = Reject::kNone;  // framed well, but the datums are wrong
};

// "all zero", "no sound block" …
const char* why_lost(const LostRange& lost);

enum class ScanEvent : uint8_t {
  kBlock,  // a sound block of `bytes` bytes stands at the front of the window; drop them
  kPass,   // the `bytes` bytes at the front are lost; drop them
  kLost,   // `lost` is complete: a sound block follows, or the end
  kMore,   // bring the window to `bytes` bytes, or to all that there are
  kEnd,
};

struct ScanFound {
  ScanEvent event = ScanEvent::kEnd;
  size_t bytes = 0;
  OcfBlock block;  // points into the window
  LostRange lost;
};

class BlockScan {
 public:
  // Says why a block that is framed well does not hold its datums, or kNone.
  using Check = Reject (*)(const OcfBlock& block, void* context);

  // Begins at `offset` of the file. Blocks of more than `data_bytes_max` bytes of data (at most
  // kBlockBytesMax) are damage: the window never needs to hold more than such a block.
  void begin(const uint8_t sync[kSyncBytes], uint64_t offset, uint64_t data_bytes_max,
             Check check = nullptr, void* context = nullptr);

  // `bytes` stand at position() of the file. What the event says must have been done before the
  // next call.
  ScanFound next(std::span<const uint8_t> bytes, Rest rest);

  // Passes `bytes` bytes that cannot be read. The window is empty then.
  void lose(uint64_t bytes);
  // Forgets a loss that has begun, and takes up at `offset` again.
  void restart(uint64_t offset);

  uint64_t position() const { return position_; }
  bool in_loss() const { return phase_ != Phase::kBlocks; }
  // Of the loss that has begun; see LostRange.
  bool is_unfinished() const { return lost_.unfinished; }

 private:
  enum class Phase : uint8_t { kBlocks, kTrying, kSearching };
  BlockStatus judge(std::span<const uint8_t> bytes, OcfBlock* block);
  void begin_loss(std::span<const uint8_t> bytes, bool unfinished);
  ScanFound end_loss(bool at_end);
  ScanFound pass(std::span<const uint8_t> bytes, size_t size);
  ScanFound search(std::span<const uint8_t> bytes, Rest rest);
  uint64_t find_marker(std::span<const uint8_t> bytes);

  uint8_t sync_[kSyncBytes] = {};
  uint64_t data_bytes_max_ = 0;
  Check check_ = nullptr;
  void* context_ = nullptr;
  Phase phase_ = Phase::kBlocks;
  uint64_t position_ = 0;
  uint64_t stated_end_ = 0;  // of the block judged last; 0: its head is not sane
  size_t wanted_bytes_ = 0;  // to judge it
  Reject reason_ = Reject::kNone;
  LostRange lost_;
  uint64_t candidate_ = 0;    // where a block may begin without a marker in front, or ~0
  uint64_t marker_ = 0;       // where the next marker begins, if not before position_; or ~0
  uint64_t searched_to_ = 0;  // no other marker begins before this
};

}  // namespace sdr
