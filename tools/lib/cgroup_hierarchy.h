// The hierarchies on this machine that have the controllers that limits need, and a process's own
// group in each.
#pragma once

#include <string>
#include <vector>

#include "tools/lib/cgroup.h"
#include "tools/lib/cgroup_files.h"
#include "tools/lib/cgroup_find.h"

namespace sdr {

struct CgroupHierarchy {
  ProcessGroup own;
  std::vector<std::string> controllers;  // of "memory", "cpu", "pids", "cpuset"
};

// Each once; where version 2 is alone, it is there even without a controller. `pid` is a number or
// "self". A controller that is missing is a trouble only where a limit needs it.
std::vector<CgroupHierarchy> find_hierarchies(const std::string& pid, const CgroupLimits& limits,
                                              CgroupFiles* files);

// Version 2: does the file list this controller? "cpuset cpu memory\n"
bool lists_controller(const std::string& path, const std::string& controller);

}  // namespace sdr
