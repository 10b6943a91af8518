// Reads one channel's recording for a replay: its datums as they were received, in the order of
// the files, each with its time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tools/feed/pace.h"
#include "tools/feed/pace_field.h"
#include "tools/recording/block_times.h"
#include "tools/recording/damage_text.h"
#include "tools/recording/range_plan.h"
#include "tools/recording/shape.h"
#include "tools/recording/source.h"
#include "tools/recording/time_field.h"

namespace sdr {

// What a reader does with what it finds. All are called by the thread that reads.
struct LaneSink {
  // A datum, without the receive time that the relay put behind it. False: no more is wanted.
  std::function<bool(int64_t time_ns, std::span<const uint8_t> datum)> take;
  // Behind the last datum of a block.
  std::function<void()> end_block;
  // `kind` is "error" or "warning".
  std::function<void(const char* kind, const std::string& path, const std::string& what)> say;
};

struct LaneOptions {
  recording::TimeRange range;
  std::string pace_field;   // "PATH" or "PATH:UNIT"; empty: receive times
  bool needs_times = true;  // else nothing has to say when a datum was received
};

class LaneReader {
 public:
  LaneReader(const LaneOptions& options, const LaneSink& sink) : options_(options), sink_(sink) {}

  // Reads them one after the other. Returns the exit code: 0, 1 for damage, 100 where nothing says
  // when datums were received, 111.
  int read(std::vector<recording::Segment> segments);

  uint64_t clock_steps() const { return timeline_.clock_steps(); }

 private:
  // The schema of the segment being read: most have that of the one before.
  struct Form {
    std::string text;
    recording::Shape shape;
    std::optional<recording::TimeField> time_field;  // as range of times go by
    std::string lacks_time_field;
    std::optional<PaceField> pace_field;
  };
  struct Reading {
    const std::string& path;
    bool is_open;
    recording::SegmentReader* reader;
    std::optional<recording::BlockTimes> block_times = {};
    recording::Trust trust = recording::Trust::kWhole;
    int64_t unsure_datums = 0;
    int64_t large_datums = 0;  // that fit no datagram
  };
  struct Datum {
    std::span<const uint8_t> bytes;  // without the receive time
    size_t walked;                   // with it
    bool is_wanted;
    int64_t time_ns;
  };

  void read_segment(recording::Segment* segment);
  bool open_form(const std::string& path, const recording::SegmentReader& reader);
  bool parse_form(std::string_view text, std::string* why);
  void read_parts(Reading* reading);
  // Blocks from where the reader is, as long as they begin before `end`.
  void read_blocks(Reading* reading, uint64_t end);
  bool is_half_written(const Reading& reading, const OcfBlock& block) const;
  void read_block(const recording::Found& found, Reading* reading);
  Reject look_at(std::span<const uint8_t> rest, const Reading& reading, Datum* datum) const;
  bool take(const Datum& datum, Reading* reading);
  bool has_receive_time() const { return form_->time_field && form_->time_field->is_receive_time; }
  void raise(int exit_code) { exit_code_ = exit_code > exit_code_ ? exit_code : exit_code_; }
  void fail(const std::string& path, const std::string& what, int exit_code);

  const LaneOptions& options_;
  const LaneSink& sink_;
  std::unique_ptr<Form> form_;
  Timeline timeline_;
  bool told_of_index_ = false;
  bool is_done_ = false;
  int exit_code_ = 0;
};

}  // namespace sdr
