// sdr-stat's command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/config/in_force.h"

namespace sdr::status {

struct Options {
  bool json = false;
  bool prometheus = false;
  bool gaps = false;
  bool preflight = false;
  bool watch = false;
  double interval_s = 1;                     // between two readings; 0: one reading, no rates
  uint64_t for_s = 24 * 3600;                // of a preflight: how long the disk has to last …
  std::optional<uint64_t> need_bytes_per_s;  // … and what is recorded, instead of what is measured
  ConfigPlace place;
  std::vector<std::string> names;  // none: every channel
};

// Parses the command line. Does not return where it asks for --help or --version (exit 0) or is
// wrong (one line on stderr, exit 100).
Options parse_options(int argc, char** argv);

}  // namespace sdr::status
