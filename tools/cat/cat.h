// The work itself: reads segments one after the other and prints, counts, checks or repairs them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/cat/decoder.h"
#include "tools/cat/mender.h"
#include "tools/cat/options.h"
#include "tools/cat/output.h"
#include "tools/cat/report.h"
#include "tools/cat/segment_reader.h"
#include "tools/cat/source.h"

namespace sdr::cat {

class Cat {
 public:
  Cat(const Options& options, Output* output, Progress* progress)
      : options_(options), output_(output), progress_(progress), json_(&output->text) {}

  // Reads all sources. Returns the exit code: 0, 1 for damage, 100 for what is not there, 111.
  int run(std::vector<Source> sources);

 private:
  void read_segment(Segment segment, Tally* tally);
  void repair_segment(const Segment& segment);
  bool mend(const std::string& path, Mender* mender, Tally* tally, std::string* kept);
  bool verifies() const { return options_.mode == Mode::kCheck || options_.mode == Mode::kRepair; }
  bool open_decoder(const std::string& path, SegmentReader* reader, Decoder* decoder, Tally* tally);
  void read_blocks(const std::string& path, SegmentReader* reader, Decoder* decoder, Tally* tally);
  void read_block(const std::string& path, const Found& found, Decoder* decoder, Tally* tally);
  void note_damage(const std::string& path, const Found& found, Tally* tally);
  void finish_segment(const std::string& path, const Tally& tally, const std::string& repaired);
  void say(const std::string& path, const std::string& what);
  void raise(int exit_code) { exit_code_ = exit_code > exit_code_ ? exit_code : exit_code_; }
  bool done() const { return printed_ == options_.limit || output_->sys_errno() != 0; }

  const Options& options_;
  Output* output_;
  Progress* progress_;
  JsonWriter json_;
  int64_t printed_ = 0;
  int64_t bytes_before_ = 0;  // read of the segments before this one
  bool flush_each_block_ = false;
  int exit_code_ = 0;
};

}  // namespace sdr::cat
