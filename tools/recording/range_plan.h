// The parts of a segment to read for what was received in a range of time, by its index.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tools/recording/index_reader.h"
#include "tools/recording/selection.h"

namespace sdr::recording {

struct RangePlan {
  bool is_known = false;       // else the index does not say when anything was received: `lacks`
  std::string lacks;           // "there is no …", "it has no index" …
  std::vector<Span> spans;     // to read, in order
  std::vector<IndexRow> rows;  // all that could be read
  std::vector<std::pair<std::string, std::string>> troubles;  // a path, and what is wrong there
};

// `path` is the segment's, whose header has been read; `judges`: its datums say by themselves when
// they were received; `start_us` is when it was begun, or -1.
RangePlan plan_range(const std::string& path, const SegmentReader& segment, bool is_open,
                     const TimeRange& range, bool judges, int64_t start_us);

}  // namespace sdr::recording
