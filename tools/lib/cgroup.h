// Control groups: a leaf of its own for each service of a fleet, with limits, so that what one
// takes too much of is never another's.
//
// A leaf is named "FLEET/LEAF", such as "speeddata/channel.engine", and is made below the group in
// which the fleet was started: in version 2, in version 1, and in a mixture of both each controller
// where it lives. Where that is comes from /proc alone (cgroups(7)). Of a fleet that is in
// FLEET/supervisor itself the leaves stand beside that one. Version 2 needs this: a group with
// processes in it cannot hand controllers on (Documentation/admin-guide/cgroup-v2.rst, "No Internal
// Process Constraint").
//
// Each call does all that can be done and returns what could not, a line each: "unable to write 1
// to /sys/fs/cgroup/…: Permission denied".
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sdr {

// What is absent is unlimited.
struct CgroupLimits {
  std::optional<uint64_t> memory_bytes;          // and no swap
  std::optional<uint64_t> cpu_quota_hundredths;  // of one per cent of one CPU
  std::optional<uint64_t> pids;                  // threads count too
  std::string cpuset;                            // "0,2-3"

  bool is_any() const { return memory_bytes || cpu_quota_hundredths || pids || !cpuset.empty(); }
};

// "FLEET/LEAF": letters, digits, '.', '_' and '-', neither part "." or "..".
bool is_cgroup_name(std::string_view name);

// Moves the calling process into its leaf, which is made where it is missing. A limit that an
// earlier run left there and that is absent now is lifted.
std::vector<std::string> enter_cgroup(const std::string& name, const CgroupLimits& limits);

// Changes the limits of the leaf that `member` is in, from wherever the caller is. A process that
// never entered `name` is left alone, for its group is another's. Where it entered a leaf of
// version 1 without this controller, the leaf's processes are moved into one that has it.
std::vector<std::string> change_cgroup_limits(pid_t member, const std::string& name,
                                              const CgroupLimits& limits);

enum class BusyLeaf { kAwait, kLeave };

// Removes a leaf whose processes are gone, and FLEET with its last one. `supervisor` is a process
// of those that started it, which says below what group the leaf is. Where processes are still in
// it: waits up to a second for them to end, or leaves it, which is no trouble then. Nor is no leaf.
std::vector<std::string> remove_cgroup(pid_t supervisor, const std::string& name, BusyLeaf busy);

}  // namespace sdr
