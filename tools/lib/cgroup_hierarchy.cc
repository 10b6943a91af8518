#include "tools/lib/cgroup_hierarchy.h"

#include <errno.h>
#include <string.h>

#include <algorithm>
#include <optional>

#include "tools/lib/cgroup_limits.h"

namespace sdr {
namespace {

constexpr const char* kMountinfo = "/proc/self/mountinfo";

std::optional<std::string> read_proc(const std::string& path, CgroupFiles* files) {
  std::optional<std::string> text = read_cgroup_file(path);
  if (!text) files->add_trouble("unable to read " + path + ": " + strerror(errno));
  return text;
}

std::string missing(const std::string& controller) {
  return "the " + controller + " controller is not available (cgroup_disable=" + controller +
         " on the kernel command line? see /proc/cgroups)";
}

std::string not_visible(const std::string& controller, const ProcessGroup& own) {
  return "the " + controller + " controller is not available: no mount in " + kMountinfo +
         " shows the group " + own.path + " of " + (own.unified ? "version 2" : "its hierarchy");
}

// In version 2 a controller that is disabled, or used by version 1, is listed nowhere.
GroupFound find_controller(const std::string& controller, const std::string& groups,
                           const std::vector<CgroupMount>& mounts, ProcessGroup* out) {
  const GroupFound found = find_group(controller, groups, mounts, out);
  if (found == GroupFound::kYes && out->unified &&
      !lists_controller(out->point + "/cgroup.controllers", controller)) {
    return GroupFound::kNoHierarchy;
  }
  return found;
}

}  // namespace

std::vector<CgroupHierarchy> find_hierarchies(const std::string& pid, const CgroupLimits& limits,
                                              CgroupFiles* files) {
  std::vector<CgroupHierarchy> out;
  const std::optional<std::string> groups = read_proc("/proc/" + pid + "/cgroup", files);
  const std::optional<std::string> mountinfo = read_proc(kMountinfo, files);
  if (!groups || !mountinfo) return out;
  const std::vector<CgroupMount> mounts = parse_cgroup_mounts(*mountinfo);
  ProcessGroup own;
  for (const char* controller : {"memory", "cpu", "pids", "cpuset"}) {
    const GroupFound found = find_controller(controller, *groups, mounts, &own);
    if (found != GroupFound::kYes) {
      if (has_limit(limits, controller)) {
        files->add_trouble(found == GroupFound::kNoHierarchy ? missing(controller)
                                                             : not_visible(controller, own));
      }
      continue;
    }
    const auto same = std::find_if(out.begin(), out.end(), [&](const CgroupHierarchy& each) {
      return each.own.directory() == own.directory();
    });
    CgroupHierarchy& hierarchy = same != out.end() ? *same : out.emplace_back();
    hierarchy.own = own;
    hierarchy.controllers.push_back(controller);
  }
  if (!out.empty()) return out;
  if (find_group("", *groups, mounts, &own) == GroupFound::kYes) {
    out.push_back({own, {}});
  } else {
    files->add_trouble(std::string("no control groups are mounted here; see ") + kMountinfo);
  }
  return out;
}

bool lists_controller(const std::string& path, const std::string& controller) {
  std::string listed = read_cgroup_file(path).value_or("");
  if (listed.ends_with('\n')) listed.pop_back();
  return has_word(listed, controller, ' ');
}

}  // namespace sdr
