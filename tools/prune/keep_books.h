// What is in a segment that is kept: its blocks as far as their heads and markers go, what its
// index tells, its schema.
//
// The datums themselves are not looked at, for they were when they were recorded: sdr-cat --check
// does, here as in the storage.
#pragma once

#include <string>

#include "relay/fd.h"
#include "tools/prune/keep.h"

namespace sdr::prune {

class KeepBooks {
 public:
  // Of one channel's segments, in order, and then of its rejected ones; fills in what is known of
  // `segment` and sums up in `channel`. Returns the text of its schema, or an empty string.
  // `index_fd` may be empty. Throws KeepError where the segment cannot be read.
  std::string read(UniqueFd fd, UniqueFd index_fd, KeptSegment* segment, KeptChannel* channel);
  std::string read_rejected(UniqueFd fd, KeptSegment* segment);

 private:
  recording::Account before_ = {};
};

}  // namespace sdr::prune
