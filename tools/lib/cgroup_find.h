// Where a process's control groups are, and where a fleet's leaf belongs: from the texts of
// /proc/PID/mountinfo and /proc/PID/cgroup. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sdr {

// A mount that shows a hierarchy, or a part of one.
struct CgroupMount {
  bool unified = false;      // version 2
  bool writable = false;
  std::string controllers;   // of version 1: "rw,cpu,cpuacct", the mount's own options among them
  std::string root;          // the group that stands at `point`
  std::string point;         // "/sys/fs/cgroup/cpu,cpuacct"
};

// Those of `mountinfo` (proc(5)) that no other mount hides.
std::vector<CgroupMount> parse_cgroup_mounts(std::string_view mountinfo);

// A process's own group in one hierarchy.
struct ProcessGroup {
  bool unified = false;
  std::string point;  // where the hierarchy is mounted
  std::string path;   // below that: "", "/system.slice/x.service"

  std::string directory() const { return point + path; }
};

enum class GroupFound {
  kYes,
  kNoHierarchy,  // neither of version 1 with this controller nor of version 2
  kNotVisible    // no mount shows the group, whose path in the hierarchy is left in `path`
};

// The group of whose `cgroup_text` it is, in the hierarchy that has this controller: the one of
// version 1, else the unified one, which may have it or not. An empty controller is the unified
// hierarchy.
GroupFound find_group(std::string_view controller, std::string_view cgroup_text,
                      const std::vector<CgroupMount>& mounts, ProcessGroup* out);

// Where a leaf belongs; paths below the mount point.
struct LeafPlace {
  std::string top;   // the highest group that is ours to change: it hands controllers on
  std::string path;  // of the leaf
};

// Of a process in `own`: beside it, where that is "…/supervisor" or "…/FLEET/anything"; else in
// `own`/FLEET.
LeafPlace place_leaf(const std::string& own, std::string_view fleet, std::string_view leaf);

// "/a/b" → "/a" and "b"; of "", both are empty.
std::string parent_path(std::string_view path);
std::string_view last_part(std::string_view path);

// Is `word` one of those of a text separated by `separator`?
bool has_word(std::string_view text, std::string_view word, char separator);

}  // namespace sdr
