// The command line of sdr-confine.
#pragma once

#include <sys/resource.h>

#include <string>
#include <vector>

namespace sdr {

struct ResourceLimit {
  int resource = 0;  // RLIMIT_…
  std::string name;
  rlimit values = {};
};

enum class Scheduling { kUnchanged, kOther, kFifo };

struct ConfineOptions {
  std::vector<int> cpus;  // empty: any
  std::string cpus_text;
  Scheduling scheduling = Scheduling::kUnchanged;
  int nice = 0;      // with kOther
  int priority = 0;  // with kFifo, 1 to 99
  std::vector<ResourceLimit> limits;
  std::vector<int> keep_fds;  // beside 0, 1 and 2
  std::string user;           // empty: stay who we are
  char** program = nullptr;   // argv of what is executed
};

// Returns -1 where the program is to be executed, else the exit code: 0 for --help and --version,
// 100 for an unusable command line, about which one line has been printed.
int parse_confine_options(int argc, char** argv, ConfineOptions* out);

}  // namespace sdr
