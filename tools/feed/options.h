// The command line of sdr-feed.
#pragma once

#include <cstdint>
#include <string>

namespace sdr {

enum class Signal { kSine, kRamp, kNoise, kSquare };

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
};

// Returns -1 to go on, else the exit code: 0 for --help and --version, 100 for an unusable command
// line, about which one line has been printed.
int parse_feed_options(int argc, char** argv, FeedOptions* out);

}  // namespace sdr
