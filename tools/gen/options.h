// The options that sdr-gen's commands share, as main.cc read them from the command line.
#pragma once

#include <string>

namespace sdr {

struct GenOptions {
  std::string config_file = "/etc/speeddata/relay.toml";
  std::string run_dir = "/run/speeddata";
  std::string log_dir = "/var/log/speeddata";
  std::string bin_dir;        // empty: the directory of the running sdr-gen
  std::string templates_dir;  // empty: the installed ones
  bool json = false;          // for programs; --check only so far
  bool colour = false;        // diagnostics in colour: stderr is a terminal and NO_COLOR is not set
};

}  // namespace sdr
