// sdr-cat's command line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/cat/decoder.h"
#include "tools/cat/sink.h"
#include "tools/config/in_force.h"
#include "tools/recording/moment.h"

namespace sdr::cat {
using namespace recording;

enum class Mode : uint8_t { kPrint, kCheck, kCount, kRepair, kRecover, kStats, kPlot };

struct Options {
  Mode mode = Mode::kPrint;
  Unions unions = Unions::kBare;
  int64_t limit = -1;     // datums to print; -1: all
  bool rejected = false;  // channels: the datagrams that were no datums
  bool utc = false;
  TimeRange range;
  std::string schema;                    // to recover with: a file
  std::string output;                    // to recover into; empty: a segment of the channel
  std::vector<std::string> plot_fields;  // to draw
  std::string svg;                       // draw them into this file; empty: in the terminal
  bool json = false;                     // --stats as JSON
  bool follow = false;
  SinkOptions sink;
  ConfigPlace place;
  std::vector<std::string> inputs;  // paths, "-" and channel names
};

// Parses the command line. Does not return where it asks for --help or --version (exit 0) or is
// wrong (one line on stderr, exit 100).
Options parse_options(int argc, char** argv);

}  // namespace sdr::cat
