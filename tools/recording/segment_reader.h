// Reads the blocks of one Avro container file, front to back, and finds its way past damage.
//
// Reading is in large chunks through one window, so that pipes work and a file of any size takes
// little memory. Mapping would be simpler, but the open segment may be cut while it is read, and a
// mapped page behind the cut is a SIGBUS.
//
// The open segment may be caught in the middle of a write: an unfinished last block is its normal
// end, and what looks damaged is read again before it is believed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "relay/fd.h"
#include "relay/format/block_scan.h"

namespace sdr::recording {

constexpr size_t kHeaderBytesMax = 16 << 20;  // a larger header is taken for damage
// The metadata of a segment of datums that had been rejected: when they were taken back.
constexpr std::string_view kRecoveredKey = "sdr.recovered";

enum class Event : uint8_t {
  kBlock,   // a whole block, with the sync marker that it must have
  kDamage,  // `size` bytes from `offset` on are no block; next() goes on behind them
  kTail,    // only in an open segment: `size` bytes of a block that is not finished yet; the end
  kEnd,
  kError,  // the file could not be read: sys_errno; the end
};

struct Found {
  Event event = Event::kEnd;
  int64_t offset = 0;  // in the file
  int64_t size = 0;
  OcfBlock block;  // valid until the next call
  LostRange lost;  // kDamage, kTail
  int sys_errno = 0;
};

class SegmentReader {
 public:
  // `open_segment`: the file may still be written to. `window_bytes` is where the window starts; it
  // grows to what the largest block needs.
  SegmentReader(UniqueFd fd, bool open_segment, size_t window_bytes = 2 << 20);

  enum class Header : uint8_t { kOk, kBad, kNotYet, kError };
  // Reads the header; kBad: it is none, *why says more. kNotYet: an open segment without one.
  Header read_header(std::string* why);
  std::string_view header() const { return header_; }
  std::string_view metadata(std::string_view key) const;
  std::span<const uint8_t> sync() const {
    return {reinterpret_cast<const uint8_t*>(header_.data()) + header_.size() - kSyncBytes,
            kSyncBytes};
  }

  // Blocks that `check` finds bad are damage too. After read_header().
  void set_check(BlockScan::Check check, void* context);

  Found next();

  // Makes next() go on at `offset`, where a block begins. False: this is no file that can be.
  bool seek(uint64_t offset);
  // Whether a block may begin at `offset`: a marker or the header ends there, or the file before.
  bool may_begin_at(uint64_t offset) const;
  // Where the block at `offset` says that it ends, or `offset` where there is none.
  uint64_t end_of_block(uint64_t offset) const;

  // Only in an open segment: makes next() read the block just found from the file again, a moment
  // later. Returns false where that is not possible or was tried often enough.
  bool reread();

  // Bytes read so far.
  int64_t position() const { return offset_ + static_cast<int64_t>(end_); }

 private:
  std::span<const uint8_t> window() const { return {buffer_.data() + begin_, end_ - begin_}; }
  bool fill();

  UniqueFd fd_;
  bool open_segment_;
  std::vector<uint8_t> buffer_;
  size_t begin_ = 0;       // what next() looks at first
  size_t end_ = 0;         // of what was read
  size_t block_size_ = 0;  // of the block found last, which stands at begin_
  int64_t offset_ = 0;     // of buffer_[0] in the file
  bool at_end_ = false;
  int sys_errno_ = 0;
  int rereads_left_;
  std::string header_;
  BlockScan scan_;
};

}  // namespace sdr::recording
