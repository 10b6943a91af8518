// The command line of sdr-confine.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/confine/held_socket.h"
#include "tools/confine/option_values.h"
#include "tools/lib/cgroup.h"

namespace sdr {

struct ConfineOptions {
  std::string cgroup;  // "FLEET/LEAF"; empty: the one that it is in
  CgroupLimits cgroup_limits;
  std::vector<unsigned> cpus;  // sorted, each once; empty: any
  std::string cpus_text;
  std::optional<ConfineScheduler> scheduler;
  std::string scheduler_text;
  std::vector<ConfineLimit> limits;
  std::vector<unsigned> keep_fds;  // sorted, each once
  std::optional<std::string> user;
  HeldSocketOptions socket;
  bool best_effort = false;
  bool keep_privileges = false;
  std::string removed_cgroup;  // not empty: that is all that is asked
  char** program = nullptr;  // null-terminated, points into argv
};

// Returns -1 to go on, else the exit code: 0 after --help and --version, 100 after a message on
// standard error.
int parse_confine_options(int argc, char** argv, ConfineOptions* out);

}  // namespace sdr
