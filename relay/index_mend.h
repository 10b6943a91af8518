// The index of a segment that the relay repairs, made anew beside the old one (format/index_merge.h
// has what becomes of its rows).
#pragma once

#include <stdint.h>

#include "relay/format/index_merge.h"
#include "relay/index_file.h"

namespace sdr {

constexpr char kMendingIndex[] = ".mending-index";

class IndexMend {
 public:
  // For the segment that begins at `start_us` and has this marker; the old index may be missing.
  Status begin(int dir_fd, const SegmentNaming& naming, int64_t start_us,
               const uint8_t sync[kSyncBytes]);
  // A sound block of `datums` datums, found at `from`, will stand at `to`; in their order.
  Status keep(uint64_t from, uint64_t to, uint64_t datums) {
    return new_.append(merge_.keep(from, to, datums));
  }
  // Bytes before the next sound block, or the end, are lost.
  void lose(uint64_t bytes) { merge_.lose(bytes); }
  // The segment ends at `end`: the new index takes its place. The last row says that what was lost
  // behind the last block is not known.
  Status finish(uint64_t end);
  void stop();

 private:
  static bool next_row(void* mend, IndexRow* row);

  int dir_ = -1;
  const SegmentNaming* naming_ = nullptr;
  int64_t start_us_ = 0;
  UniqueFd old_;
  uint64_t at_ = 0;  // of the next block in the old one
  uint8_t sync_[kSyncBytes];
  IndexFile new_;
  IndexMerge merge_;
};

}  // namespace sdr
