// What --stats and --plot make of datums: each one's numbers, and its time, into sums or a chart.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tools/cat/chart.h"
#include "tools/cat/datum_clock.h"
#include "tools/cat/number_tree.h"
#include "tools/cat/stats_text.h"
#include "tools/recording/segment_reader.h"
#include "tools/recording/tally.h"

namespace sdr::cat {
using namespace recording;

constexpr size_t kPanelsMax = 64;

class Digest {
 public:
  enum class Into : uint8_t { kStats, kChart };

  // `fields` are paths. A chart has a panel for each; of stats none means all fields that are
  // numbers.
  Digest(Into into, std::vector<std::string> fields, const TimeRange& range, bool utc);

  // Before the blocks of a segment whose header has been read and of which `shape` is; both must
  // stay until end_segment(). *troubles gets what is wrong with its index: a path, and what.
  void begin_segment(const std::string& path, const SegmentReader& segment, bool is_open,
                     const Shape& shape,
                     std::vector<std::pair<std::string, std::string>>* troubles);
  void begin_block(uint64_t offset, int64_t datums) { form_->clock.begin_block(offset, datums); }
  // The datum numbered `i` of the block, which shape.walk() found sound.
  void take(int64_t i, std::span<const uint8_t> datum);
  void end_segment(const Tally& tally);

  // What was found, once all is read. Of a field that was not found in some segments *warnings
  // tells. Empty where there is nothing to show, and *error: a field that is nowhere, …
  std::optional<Summary> finish_stats(std::vector<std::string>* warnings, std::string* error);
  // … or no number to draw: then *error is set and *is_usage is not.
  std::optional<Chart> finish_chart(std::vector<std::string>* warnings, std::string* error,
                                    bool* is_usage);

 private:
  // Of the segment that is read.
  struct Form {
    std::optional<TimeField> time_field;
    DatumClock clock;
    struct Tree {
      NumberTree numbers;
      NumberTree::Sink sink;
    };
    std::vector<std::unique_ptr<Tree>> trees;
    Form(const std::string& path, const SegmentReader& segment, bool is_open, const Shape& shape,
         std::optional<TimeField> field)
        : time_field(std::move(field)), clock(path, segment, is_open, shape, time_field) {}
  };
  void find_fields(const Shape& shape);
  void add_tree(NumberTree numbers, size_t field);
  void find_logical_types(std::string_view schema_text);
  size_t row_of(const Leaf& leaf);
  bool check_fields(std::vector<std::string>* warnings, std::string* error) const;

  const Into into_;
  const std::vector<std::string> fields_;
  const TimeRange range_;
  std::unique_ptr<Form> form_;
  int64_t segments_ = 0;
  std::vector<int64_t> found_in_;   // of each field: how many segments have it
  std::vector<std::string> lacks_;  // … and why the first without it has not
  Summary summary_;
  std::map<std::string, size_t> rows_;                // of summary_.fields
  std::map<std::string, std::string> logical_types_;  // of the segment's fields
  Chart chart_;
  bool knows_x_ = false;  // whether the chart is over time
  int64_t x_ = 0;         // of the datum being read
  int64_t timeless_ = 0;  // datums that have no place in a chart over time
};

}  // namespace sdr::cat
