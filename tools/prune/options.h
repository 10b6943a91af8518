// sdr-prune's command line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/config/in_force.h"
#include "tools/recording/moment.h"

namespace sdr::prune {

struct Options {
  bool dry_run = false;
  bool json = false;
  bool force = false;
  std::vector<std::string> channels = {};  // none: all
  uint64_t every_us = 0;                   // 0: once
  std::string keep = {};                   // the name of a run to keep, in place of all this …
  recording::TimeRange range = {};         // … and its time, which is over
  ConfigPlace place = {};
};

// -1: *options is good. Otherwise the exit code: 0 after --help and --version, 100 with one line on
// standard error.
int parse_prune_options(int argc, char** argv, Options* options);

}  // namespace sdr::prune
