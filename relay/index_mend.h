// The index of a segment that is repaired, made anew: rows that still fit its blocks are kept, with
// what they tell; blocks without one get a row without times.
#pragma once

#include <stdint.h>

#include "relay/index_file.h"

namespace sdr {

constexpr char kMendingIndex[] = ".mending-index";

class IndexMend {
 public:
  // For the segment that begins at `start_us` and has this marker; the old index may be missing.
  Status begin(int dir_fd, const SegmentNaming& naming, int64_t start_us,
               const uint8_t sync[kSyncBytes]);
  // A sound block of `datums` datums, found at `from`, will stand at `to`; in their order.
  Status keep(uint64_t from, uint64_t to, uint64_t datums);
  // Bytes before the next sound block, or the end, are lost.
  void lose(uint64_t bytes) { carried_.damaged_bytes += bytes; }
  // The segment ends at `end`: the new index takes its place. The last row says that what was lost
  // behind the last block is not known.
  Status finish(uint64_t end);
  void stop();

 private:
  void read_row();

  int dir_ = -1;
  const SegmentNaming* naming_ = nullptr;
  int64_t start_us_ = 0;
  UniqueFd old_;
  uint64_t at_ = 0;  // of the next block in the old one
  uint8_t sync_[kSyncBytes];
  IndexFile new_;
  bool has_row_ = false;
  IndexRow row_;         // the next of the old one
  Losses carried_ = {};  // for the next row of the new one
};

}  // namespace sdr
