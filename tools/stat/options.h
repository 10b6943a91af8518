// sdr-stat's command line.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace sdr::status {

struct Options {
  bool json = false;
  bool prometheus = false;
  bool gaps = false;
  double interval_s = 1;  // between two readings; 0: one reading, no rates
  std::string config = "/etc/speeddata/relay.toml";  // taken as by every tool, not needed yet
  std::string run = "/run/speeddata";
  std::vector<std::string> names;  // none: every channel
};

// Parses the command line. Does not return where it asks for --help or --version (exit 0) or is
// wrong (one line on stderr, exit 100).
Options parse_options(int argc, char** argv);

}  // namespace sdr::status
