// The index beside the segment that is being written (format/index.h has the rows).
//
// It is begun with the segment's first block, under its final name. Rows are written through the
// page cache, each before the block that it is of is published with the index's new length, so that
// whoever takes over cuts both. Where a power cut takes rows away a repair makes them anew, but for
// what was lost: so rows that tell of a loss are synced with the segment, and others need not be.
#pragma once

#include <stdint.h>

#include "relay/fd.h"
#include "relay/format/index.h"
#include "relay/format/ocf.h"
#include "relay/segment_dir.h"

namespace sdr {

class IndexFile {
 public:
  // Begins an index for the segment that begins at `start_us` and has marker `sync`, or goes on
  // behind the first `index_bytes` bytes of it; `dir_fd` is the channel's directory. Where those
  // are not there it begins anew.
  Status open(int dir_fd, const SegmentNaming& naming, int64_t start_us,
              const uint8_t sync[kSyncBytes], uint64_t index_bytes);
  // Begins one under another name, in the channel's directory.
  Status create(int dir_fd, const char* name, const SegmentNaming& naming, int64_t start_us,
                const uint8_t sync[kSyncBytes]);
  bool is_open() const { return static_cast<bool>(fd_); }
  uint64_t bytes() const { return bytes_; }

  Status append(const IndexRow& row);
  // Syncs rows that tell of a loss.
  Status sync();
  // Cuts it to what is told, syncs and closes. Its name is synced with that of the segment.
  Status finish();
  void drop() {
    fd_.reset();
    dir_.reset();
  }

 private:
  Status open_as(int dir_fd, const char* name, const SegmentNaming& naming, int64_t start_us,
                 const uint8_t sync[kSyncBytes], uint64_t index_bytes);
  bool is_ours() const;

  UniqueFd dir_;
  UniqueFd fd_;
  uint8_t sync_[kSyncBytes];
  uint64_t bytes_ = 0;
  bool tells_loss_ = false;  // of what is not synced
  bool is_named_ = false;    // its name would outlast a power cut
};

}  // namespace sdr
