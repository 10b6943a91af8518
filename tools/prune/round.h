// One round of retention: what is in force, what is there, the plan, and what became of it.
#pragma once

#include <functional>
#include <map>
#include <stdexcept>
#include <string>

#include "tools/prune/apply.h"
#include "tools/prune/options.h"
#include "tools/prune/plan.h"
#include "tools/prune/tree.h"

namespace sdr::prune {

// Nothing has been deleted, for this reason; and the exit code that goes with it.
struct RoundError : std::runtime_error {
  RoundError(int code, const std::string& what) : std::runtime_error(what), exit_code(code) {}
  int exit_code;
};

struct Round {
  bool dry_run = false;
  int64_t now_us = 0;
  std::string config;   // the file that is in force
  std::string storage;  // empty: nothing is recorded
  std::map<std::string, Limits> limits = {};
  Space space = {};
  uint64_t free_bytes_after = 0;
  Tree tree = {};
  Plan plan = {};
  Applied applied = {};
};

// Throws RoundError.
Round run_round(const Options& options, const std::function<bool()>& is_stopped);

}  // namespace sdr::prune
