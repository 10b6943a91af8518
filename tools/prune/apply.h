// Carries a plan out, or goes through all of it but the deleting.
//
// Between reading and deleting others are at work: what is deleted is what was planned, the same
// file in the same directory, or it stays.
#pragma once

#include <functional>
#include <vector>

#include "tools/prune/plan.h"
#include "tools/prune/tree.h"

namespace sdr::prune {

struct Outcome {
  enum class Kind : uint8_t {
    kDone,
    kVanished,  // somebody else has deleted it
    kChanged,   // another file has its name, or another directory that of its own
    kFailed,
    kLeft,  // not come to: stopped
  };
  Kind kind = Kind::kLeft;
  int sys_errno = 0;      // kFailed
  bool is_index = false;  // kFailed: its segment could be deleted
};

struct Applied {
  std::vector<Outcome> deletions = {};  // as in the plan
  std::vector<Outcome> empty_days = {};
};

// `storage_fd` is what the tree was read from.
Applied apply_plan(int storage_fd, const Tree& tree, const Plan& plan, bool dry_run,
                   const std::function<bool()>& is_stopped);

}  // namespace sdr::prune
