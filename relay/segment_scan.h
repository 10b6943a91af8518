// Reads a segment that nobody writes to: its header, and by a window its sound blocks.
#pragma once

#include <stdint.h>

#include <span>

#include "relay/fd.h"
#include "relay/format/block_scan.h"
#include "relay/format/ocf.h"
#include "relay/format/result.h"

namespace sdr {

struct SegmentHead {
  uint64_t file_bytes = 0;
  const char* broken =
      nullptr;           // why it is no segment of the channel; what follows is not set then
  size_t bytes = 0;      // of the header
  int64_t start_us = 0;  // sdr.started
  uint8_t sync[kSyncBytes] = {};
  bool is_same_schema = false;
};

// Opens `name`, which is not followed where it is a symbolic link.
Result<UniqueFd> open_segment(int dir_fd, const char* name);

// Reads the header into `buffer`. Only one that is just as it was written (header_check.h) is
// believed, and only one of the channel whose new segments begin with `base`.
Status read_segment_head(int fd, std::span<const uint8_t> base, std::span<uint8_t> buffer,
                         SegmentHead* head);

// Whether the marker stands right before byte `end`, as it does behind every block.
bool ends_block(int fd, const SegmentHead& head, uint64_t end);

class SegmentScan {
 public:
  // `window` is owned by the caller; blocks that do not fit it are damage.
  explicit SegmentScan(std::span<uint8_t> window) : window_(window) {}

  // From the first block on, behind the header.
  void begin(int fd, const SegmentHead& head, BlockScan::Check check, void* context);

  // The next step; never kMore. A block stays where it is until the next call. A page that the disk
  // cannot read is lost like any other; it is a kPass of no bytes, since it may have taken long.
  Status next(ScanFound* found);

  uint64_t position() const { return scan_.position(); }
  // The whole of a block just found: head, data and marker.
  static std::span<const uint8_t> bytes_of(const OcfBlock& block) {
    return {block.data.data() + block.data.size() + kSyncBytes - block.size, block.size};
  }

 private:
  Status fill();

  std::span<uint8_t> window_;
  int fd_ = -1;
  uint64_t file_bytes_ = 0;
  size_t begin_ = 0;  // of what has not been dropped yet …
  size_t end_ = 0;    // … and of what was read
  Rest rest_ = Rest::kMore;
  uint64_t gap_bytes_ = 0;
  BlockScan scan_;
};

}  // namespace sdr
