// The work itself: reads segments one after the other and prints, counts, checks or repairs them.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tools/cat/datum_clock.h"
#include "tools/cat/decoder.h"
#include "tools/cat/digest.h"
#include "tools/cat/mender.h"
#include "tools/cat/options.h"
#include "tools/cat/output.h"
#include "tools/cat/report.h"
#include "tools/cat/sink.h"
#include "tools/lib/progress.h"
#include "tools/recording/completeness.h"
#include "tools/recording/ledger.h"
#include "tools/recording/segment_reader.h"
#include "tools/recording/selection.h"
#include "tools/recording/source.h"
#include "tools/recording/time_field.h"

namespace sdr::cat {
using namespace recording;

class Cat {
 public:
  Cat(const Options& options, Output* output, Progress* progress)
      : options_(options), output_(output), progress_(progress), sink_(make_sink(options.sink)) {
    if (options.mode == Mode::kStats || options.mode == Mode::kPlot)
      digest_.emplace(options.mode == Mode::kPlot ? Digest::Into::kChart : Digest::Into::kStats,
                      options.plot_fields, options.range, options.utc);
  }

  // Reads all sources. Returns the exit code: 0, 1 for damage, 100 for what is not there, 111.
  int run(std::vector<Source> sources);

 private:
  // A segment that is being read.
  struct Reading {
    const std::string& path;
    SegmentReader* reader;
    Decoder* decoder;
    Tally* tally;
    std::unique_ptr<Ledger> ledger = nullptr;            // with --check
    std::optional<TimeField> time_field = std::nullopt;  // with a range of time
    Trust trust = Trust::kWhole;
    struct stat status = {};
    std::optional<DatumClock> clock = std::nullopt;  // where somebody has to say the time
    std::optional<TimeField> clock_field = std::nullopt;
  };
  // Where reading a segment has come to, with --follow.
  struct Followed {
    dev_t device = 0;
    ino_t inode = 0;
    uint64_t end = 0;    // of the last block, in that file
    int64_t datums = 0;  // up to there, in sound blocks
    int64_t done = 0;    // as many have been printed or passed over, in whatever file
  };

  int64_t read_source(Source* source);
  void read_segment(Segment segment, Tally* tally);
  void repair_segment(const Segment& segment);
  bool mend(const std::string& path, Mender* mender, Tally* tally, std::string* kept);
  bool verifies() const { return options_.mode == Mode::kCheck || options_.mode == Mode::kRepair; }
  bool open_decoder(const std::string& path, SegmentReader* reader, Decoder* decoder, Tally* tally);
  void begin_digest(const Reading& reading, bool in_range);
  void read_all(Reading* reading);
  void read_range(Reading* reading);
  // Blocks from where the reader is, as long as they begin before `end`.
  void read_blocks(Reading* reading, uint64_t end);
  void read_block(const Found& found, Reading* reading);
  bool begin_printing(Reading* reading);
  bool print_datum(int64_t i, std::span<const uint8_t> datum, const Reading& reading,
                   std::string* why);
  void prepare_to_follow(const Source& source);
  void follow(const Source& source);
  void follow_all(const Source& source);
  bool follow_open(const Source& source);
  void pass_over(const Segment& segment);
  void begin_place(const Reading& reading);
  void note_place(const Reading& reading, const Found& found, bool is_sound);
  void go_on(const Reading& reading);
  void note_damage(const std::string& path, const Found& found, Tally* tally);
  void finish_segment(const std::string& path, const Tally& tally, const std::string& repaired);
  void finish_check();
  void finish_stats();
  void finish_plot();
  void print_chart(const Chart& chart);
  void say(const std::string& path, const std::string& what, const char* kind = "error");
  void raise(int exit_code) { exit_code_ = exit_code > exit_code_ ? exit_code : exit_code_; }
  // Of a form that has a head even --limit 0 prints that.
  bool done() const {
    return (printed_ == options_.limit && has_begun_) || output_->sys_errno() != 0;
  }

  const Options& options_;
  Output* output_;
  Progress* progress_;
  std::unique_ptr<Sink> sink_;
  Completeness completeness_;
  Account before_;                // the books of the segment before, of the same source
  std::optional<Digest> digest_;  // with --stats and --plot
  int64_t printed_ = 0;
  int64_t bytes_before_ = 0;  // read of the segments before this one
  bool flush_each_block_ = false;
  bool has_begun_ = false;  // to print a segment
  bool is_following_ = false;
  bool cannot_go_on_ = false;                 // what follows does not go with what was printed
  std::map<std::string, Followed> followed_;  // by the segment's sync marker
  std::string marker_;                        // of the segment that was read last
  std::set<std::string> followed_paths_;      // of sealed segments that are done with
  std::set<std::string> said_;                // while following
  int64_t skip_ = 0;                          // datums that have been printed already
  int exit_code_ = 0;
};

}  // namespace sdr::cat
