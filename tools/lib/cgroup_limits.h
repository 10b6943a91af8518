// The limits of one leaf, in the words of version 1 and 2.
#pragma once

#include <cstdint>
#include <string>

#include "tools/lib/cgroup.h"
#include "tools/lib/cgroup_files.h"

namespace sdr {

struct CpuBandwidth {
  uint64_t quota_us;
  uint64_t period_us;
};

// A period of 10 ms, because throttling for longer loses datagrams. It is longer where the quota
// would be less than the 1 ms that the kernel takes at least (with 1 s at most, so that less than
// 0.1% becomes 0.1%), and where the kernel's tick is longer than half of it: within one tick of
// 10 ms (CONFIG_HZ=100) 30% would come out as 25%.
CpuBandwidth cpu_bandwidth(uint64_t quota_hundredths, uint64_t tick_us);

// Is there a limit for this controller: "memory", "cpu", "pids", "cpuset"?
bool has_limit(const CgroupLimits& limits, const std::string& controller);

// Sets the controller's limit of the group `directory`, or lifts it where there is none.
void set_group_limit(const std::string& controller, const std::string& directory, bool unified,
                     const CgroupLimits& limits, CgroupFiles* files);

// A group of version 1's cpuset takes no process before it has CPUs and memory nodes; a new one
// gets those of the group that it is in.
void fill_new_cpuset(const std::string& directory, CgroupFiles* files);

}  // namespace sdr
