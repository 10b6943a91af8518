// The options that sdr-gen's commands share, as main.cc read them from the command line.
#pragma once

#include <cstdint>
#include <string>

namespace sdr {

enum class Target : uint8_t { kS6, kRunit };

struct GenOptions {
  std::string config_file = "/etc/speeddata/relay.toml";
  std::string run_dir = "/run/speeddata";
  std::string log_dir = "/var/log/speeddata";
  std::string state_dir;      // empty: /var/lib/speeddata, or RUN/state beside another RUN
  std::string bin_dir;        // empty: the directory of the running sdr-gen
  std::string templates_dir;  // empty: the installed ones
  std::string scan_dir;       // empty: RUN/service
  std::string prefix;         // of our names in scan_dir
  Target target = Target::kS6;
  bool force = false;   // over files edited by hand
  bool json = false;    // what a command has to say is for programs
  bool colour = false;  // diagnostics in colour: stderr is a terminal and NO_COLOR is not set
};

}  // namespace sdr
