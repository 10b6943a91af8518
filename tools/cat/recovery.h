// --recover: rejected datagrams that are datums of another schema become a segment.
//
// Those that fit are found in a first pass, which keeps 16 bytes of each, and are then copied in
// the order of their receive times.
//
// A segment of a channel lies between the starts of two others, or it could not be found by name:
// where another one begins, so does the next of the recovered ones. And the same datagrams do not
// come back twice: not where a name is taken, nor where a segment that was recovered with this
// schema reaches into the time of these.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "relay/format/layout.h"
#include "tools/cat/options.h"
#include "tools/cat/output.h"
#include "tools/cat/rejects_reader.h"
#include "tools/cat/segment_writer.h"
#include "tools/recording/source.h"

namespace sdr::cat {
using namespace recording;

class Recovery {
 public:
  Recovery(const Options& options, Output* output, Progress* progress)
      : options_(options), output_(output), progress_(progress) {}

  // Returns the exit code: 0, 1 where something is damaged or nothing came back, 100, 111.
  int run(std::vector<Source> sources);

 private:
  void read_schema();
  std::vector<Segment> take_files(std::vector<Source>* sources);
  void look_at(const KeptDatagram& kept, const RejectPlace& place);
  void find(RejectsReader* reader);
  void find_neighbours();
  void write(RejectsReader* reader);
  std::string path_of(int64_t start_us);
  void tell();
  void complain(const std::string& what, int exit_code);

  const Options& options_;
  Output* const output_;
  Progress* const progress_;
  SegmentOrigin origin_;
  std::unique_ptr<Layout> layout_;
  std::string directory_;  // of the channel; empty: --output
  std::string channel_;
  std::vector<RejectPlace> places_;         // of those that fit
  std::map<std::string, int64_t> refused_;  // those that do not, by reason
  std::vector<int64_t> starts_us_;          // of the channel's other segments
  std::vector<std::unique_ptr<SegmentWriter>> written_;
  int exit_code_ = 0;
};

}  // namespace sdr::cat
