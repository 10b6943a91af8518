// When each datum of a segment was received, as well as the recording says it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tools/recording/block_times.h"
#include "tools/recording/moment.h"
#include "tools/recording/range_plan.h"
#include "tools/recording/segment_reader.h"
#include "tools/recording/shape.h"
#include "tools/recording/time_field.h"

namespace sdr::cat {
using namespace recording;

class DatumClock {
 public:
  enum class By : uint8_t {
    kReceiveTime,  // the datum's own field
    kIndex,        // evenly over the time of its block
    kTimeField,    // a field of another time, where nothing knows when it was received
    kNothing,
  };

  // Of a segment whose header has been read. `field` is what find_time_field() found in its schema,
  // which `shape` was built of; both must outlive this.
  DatumClock(const std::string& path, const SegmentReader& segment, bool is_open,
             const Shape& shape, const std::optional<TimeField>& field);

  By by() const { return by_; }
  const std::string& lacks() const { return lacks_; }  // kNothing: an index that …
  // What is wrong with the index: a path, and what.
  const std::vector<std::pair<std::string, std::string>>& troubles() const { return troubles_; }

  // Blocks are begun in the order of the segment.
  void begin_block(uint64_t offset, int64_t datums);
  // Of the datum numbered `i` of the block, which shape.walk() found sound.
  std::optional<int64_t> time_ns(int64_t i, std::span<const uint8_t> datum) const;

  bool has_index() const { return has_index_; }
  // What by the index was lost within the range.
  Losses losses(const TimeRange& range) const;

 private:
  const Shape& shape_;
  const std::optional<TimeField>& field_;
  By by_ = By::kNothing;
  bool has_index_ = false;
  std::string lacks_;
  std::vector<std::pair<std::string, std::string>> troubles_;
  std::vector<IndexRow> rows_;
  std::optional<BlockTimes> block_times_;
  BlockTimes::Spread spread_;
};

}  // namespace sdr::cat
