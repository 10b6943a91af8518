#include "tools/lib/cgroup_limits.h"

#include <time.h>

#include <algorithm>
#include <optional>

namespace sdr {
namespace {

constexpr uint64_t kPeriodUs = 10'000;
constexpr uint64_t kPeriodTicks = 2;
constexpr uint64_t kPeriodUsMax = 1'000'000;
constexpr uint64_t kQuotaUsMin = 1'000;
constexpr uint64_t kHundredthsPerCpu = 10'000;

uint64_t kernel_tick_us() {
  timespec tick = {};
  clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
  return static_cast<uint64_t>(tick.tv_nsec / 1000);
}

// What would lift a limit is written only where there is something to lift.
bool set_or_lift(const std::string& path, const std::optional<uint64_t>& value,
                 const std::string& unlimited, CgroupFiles* files) {
  return value ? files->write(path, std::to_string(*value))
               : files->write_if_there(path, unlimited);
}

// The sum of memory and swap cannot be less than the limit of memory: it is out of the way while
// that one changes. Without swap accounting it is not there.
void set_memory_1(const std::string& group, const std::optional<uint64_t>& bytes,
                  CgroupFiles* files) {
  const std::string with_swap = group + "/memory.memsw.limit_in_bytes";
  files->write_if_there(with_swap, "-1");
  if (set_or_lift(group + "/memory.limit_in_bytes", bytes, "-1", files) && bytes) {
    files->write_if_there(with_swap, std::to_string(*bytes));
  }
}

// A relay and its writer are of no use without each other: both end, and are started again.
void set_memory_2(const std::string& group, const std::optional<uint64_t>& bytes,
                  CgroupFiles* files) {
  files->write_if_there(group + "/memory.oom.group", "1");
  files->write_if_there(group + "/memory.swap.max", bytes ? "0" : "max");
  set_or_lift(group + "/memory.max", bytes, "max", files);
}

// A quota is checked against the period that is there: it is lifted before that one changes.
void set_cpu_1(const std::string& group, const std::optional<CpuBandwidth>& cpu,
               CgroupFiles* files) {
  const std::string quota = group + "/cpu.cfs_quota_us";
  files->write_if_there(quota, "-1");
  if (!cpu) return;
  files->write(group + "/cpu.cfs_period_us", std::to_string(cpu->period_us));
  files->write(quota, std::to_string(cpu->quota_us));
}

void set_cpu_2(const std::string& group, const std::optional<CpuBandwidth>& cpu,
               CgroupFiles* files) {
  const std::string path = group + "/cpu.max";
  if (!cpu) {
    files->write_if_there(path, "max");
  } else {
    files->write(path, std::to_string(cpu->quota_us) + " " + std::to_string(cpu->period_us));
  }
}

// Empty is all that the group above has; in version 1 it would be none.
void set_cpuset(const std::string& group, bool unified, const std::string& list,
                CgroupFiles* files) {
  const std::string path = group + "/cpuset.cpus";
  if (!list.empty()) {
    files->write(path, list);
  } else if (unified) {
    files->write_if_there(path, "\n");
  } else {
    const std::string above = group.substr(0, group.rfind('/')) + "/cpuset.cpus";
    if (const std::optional<std::string> all = read_cgroup_file(above)) files->write(path, *all);
  }
}

}  // namespace

CpuBandwidth cpu_bandwidth(uint64_t quota_hundredths, uint64_t tick_us) {
  const uint64_t hundredths = std::max<uint64_t>(quota_hundredths, 1);
  uint64_t period_us = std::max(kPeriodUs, kPeriodTicks * tick_us);
  period_us = std::max(period_us, kQuotaUsMin * kHundredthsPerCpu / hundredths);
  period_us = std::min(period_us, kPeriodUsMax);
  return {std::max(hundredths * period_us / kHundredthsPerCpu, kQuotaUsMin), period_us};
}

bool has_limit(const CgroupLimits& limits, const std::string& controller) {
  if (controller == "memory") return limits.memory_bytes.has_value();
  if (controller == "cpu") return limits.cpu_quota_hundredths.has_value();
  if (controller == "pids") return limits.pids.has_value();
  return !limits.cpuset.empty();
}

void set_group_limit(const std::string& controller, const std::string& directory, bool unified,
                     const CgroupLimits& limits, CgroupFiles* files) {
  if (controller == "memory") {
    (unified ? set_memory_2 : set_memory_1)(directory, limits.memory_bytes, files);
  } else if (controller == "cpu") {
    std::optional<CpuBandwidth> cpu;
    if (limits.cpu_quota_hundredths) {
      cpu = cpu_bandwidth(*limits.cpu_quota_hundredths, kernel_tick_us());
    }
    (unified ? set_cpu_2 : set_cpu_1)(directory, cpu, files);
  } else if (controller == "pids") {
    set_or_lift(directory + "/pids.max", limits.pids, "max", files);
  } else {
    set_cpuset(directory, unified, limits.cpuset, files);
  }
}

void fill_new_cpuset(const std::string& directory, CgroupFiles* files) {
  const std::string above = directory.substr(0, directory.rfind('/'));
  for (const char* name : {"/cpuset.cpus", "/cpuset.mems"}) {
    const std::optional<std::string> own = read_cgroup_file(directory + name);
    const std::optional<std::string> all = read_cgroup_file(above + name);
    if (own && *own == "\n" && all) files->write(directory + name, *all);
  }
}

}  // namespace sdr
