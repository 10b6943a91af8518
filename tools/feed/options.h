// The command line of sdr-feed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/config/in_force.h"
#include "tools/recording/moment.h"

namespace sdr {

enum class Signal { kSine, kRamp, kNoise, kSquare };

// With --replay.
struct ReplayOptions {
  std::vector<std::string> operands;  // DEST and sources, SOURCE=DEST, or sources for the fleet
  double speed = 1;                   // 0: as fast as it goes
  recording::TimeRange range;
  std::string time_field;   // "PATH" or "PATH:UNIT"; empty: receive times
  int64_t gap_max_ns = -1;  // -1: pauses stay as long as they were
  bool to_fleet = false;
  bool all = false;  // every channel of the fleet
  ConfigPlace place;
};

struct FeedOptions {
  std::string destination;  // "HOST:PORT", "[HOST]:PORT"
  std::string schema_path;
  double rate_hz = 0;     // 0: as fast as it goes
  uint64_t count = 0;     // 0: no end
  double duration_s = 0;  // 0: no end
  Signal signal = Signal::kSine;
  uint64_t seed = 1;
  std::string counter;    // path of the field that carries the datum's number; empty: found
  std::string interface;  // name or address
  int ttl = -1;           // -1: the host's own
  uint16_t source_port = 0;
  bool from_stdin = false;
  bool json = false;
  bool progress = false;
  bool is_replay = false;
  ReplayOptions replay;
};

// Returns -1 to go on, else the exit code: 0 for --help and --version, 100 for an unusable command
// line, about which one line has been printed.
int parse_feed_options(int argc, char** argv, FeedOptions* out);

}  // namespace sdr
