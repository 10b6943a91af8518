// The command line of sdr-confine.
#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sdr {

struct ConfineLimit {
  std::string name;
  int resource = 0;
  rlim_t soft = RLIM_INFINITY;
  std::optional<rlim_t> hard;  // absent: the hard limit stays
};

enum class SchedulerKind : uint8_t { kOther, kFifo };

struct ConfineScheduler {
  SchedulerKind kind = SchedulerKind::kOther;
  int level = 0;  // kOther: nice, -20 to 19; kFifo: priority, 1 to 99
};

struct ConfineOptions {
  std::vector<unsigned> cpus;  // sorted, each once; empty: any
  std::string cpus_text;
  std::optional<ConfineScheduler> scheduler;
  std::string scheduler_text;
  std::vector<ConfineLimit> limits;
  std::vector<unsigned> keep_fds;  // sorted, each once
  std::optional<std::string> user;
  bool best_effort = false;
  char** program = nullptr;  // null-terminated, points into argv
};

// "0,2-3"; CPUs up to 8191. False where it is no such list.
bool parse_cpus(const std::string& text, std::vector<unsigned>* out);

// "other", "other:-5", "fifo:10"
bool parse_scheduler(const std::string& text, ConfineScheduler* out);

// "nofile=1024", "nofile=1024:4096", "core=0:unlimited"
bool parse_limit(const std::string& text, ConfineLimit* out);

// Returns -1 to go on, else the exit code: 0 after --help and --version, 100 after a message on
// standard error.
int parse_confine_options(int argc, char** argv, ConfineOptions* out);

}  // namespace sdr
