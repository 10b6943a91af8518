#include "tools/lib/cgroup.h"

#include <unistd.h>

#include <algorithm>

#include "tools/lib/cgroup_files.h"
#include "tools/lib/cgroup_hierarchy.h"
#include "tools/lib/cgroup_limits.h"

namespace sdr {
namespace {


struct LeafName {
  std::string fleet;
  std::string leaf;
};

LeafName split_name(const std::string& name) {
  const size_t slash = name.find('/');
  return {name.substr(0, slash), name.substr(slash + 1)};
}

// One leaf in one hierarchy, as directories.
struct Leaf {
  const CgroupHierarchy& hierarchy;
  std::string top;
  std::string directory;
};

Leaf leaf_of(const CgroupHierarchy& hierarchy, const LeafPlace& place) {
  const std::string& point = hierarchy.own.point;
  return {hierarchy, point + place.top, point + place.path};
}

// In version 2 a group has a controller once all those above have handed it on.
bool hand_on(const std::string& controller, const Leaf& leaf, const std::string& fleet,
             CgroupFiles* files) {
  const std::string hint =
      ": a process is in that group; start the tree with sdr-confine --keep-privileges --cgroup " +
      fleet + "/supervisor -- s6-svscan ...";
  std::string group = leaf.top;
  while (group != leaf.directory) {
    const std::string control = group + "/cgroup.subtree_control";
    if (!lists_controller(control, controller)) {
      if (!lists_controller(group + "/cgroup.controllers", controller)) {
        files->add_trouble("the " + controller + " controller is not available in " + group +
                           ": its cgroup.controllers does not list it; a systemd unit needs "
                           "Delegate=yes");
        return false;
      }
      if (!files->write_or_busy(control, "+" + controller, hint)) return false;
    }
    group = leaf.directory.substr(0, leaf.directory.find('/', group.size() + 1));
  }
  return true;
}

void set_limits(const Leaf& leaf, const std::string& fleet, const CgroupLimits& limits,
                CgroupFiles* files) {
  const bool unified = leaf.hierarchy.own.unified;
  for (const std::string& controller : leaf.hierarchy.controllers) {
    const bool there = !unified || !has_limit(limits, controller) ||
                       hand_on(controller, leaf, fleet, files);
    if (there) set_group_limit(controller, leaf.directory, unified, limits, files);
  }
}

bool make_leaf(const Leaf& leaf, CgroupFiles* files) {
  if (!files->make(leaf.directory)) return false;
  const std::vector<std::string>& controllers = leaf.hierarchy.controllers;
  const bool cpuset =
      std::find(controllers.begin(), controllers.end(), "cpuset") != controllers.end();
  if (cpuset && !leaf.hierarchy.own.unified) {
    fill_new_cpuset(parent_path(leaf.directory), files);
    fill_new_cpuset(leaf.directory, files);
  }
  return true;
}

// Version 1 only: without a limit a new leaf of cpuset says nothing, and one of cpu, where the
// kernel has CONFIG_RT_GROUP_SCHED, forbids its processes real-time.
bool is_better_not_entered(const CgroupHierarchy& hierarchy, const CgroupLimits& limits) {
  if (hierarchy.own.unified) return false;
  for (const std::string& controller : hierarchy.controllers) {
    if (has_limit(limits, controller)) return false;
  }
  const std::string group = hierarchy.own.directory();
  return access((group + "/cpuset.cpus").c_str(), F_OK) == 0 ||
         access((group + "/cpu.rt_runtime_us").c_str(), F_OK) == 0;
}

// A process that is forked meanwhile is seen in the second round.
void move_processes(const std::string& from, const std::string& to, CgroupFiles* files) {
  for (int round = 0; round < 2; ++round) {
    std::string pids = read_cgroup_file(from + "/cgroup.procs").value_or("");
    while (!pids.empty()) {
      const size_t end = std::min(pids.find('\n'), pids.size());
      files->write_if_there(to + "/cgroup.procs", pids.substr(0, end));
      pids.erase(0, end + 1);
    }
  }
}

}  // namespace

bool is_cgroup_name(std::string_view name) {
  constexpr std::string_view kAllowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  const size_t slash = name.find('/');
  if (slash == std::string_view::npos) return false;
  for (const std::string_view part : {name.substr(0, slash), name.substr(slash + 1)}) {
    if (part.empty() || part == "." || part == ".." ||
        part.find_first_not_of(kAllowed) != std::string_view::npos) {
      return false;
    }
  }
  return true;
}

std::vector<std::string> enter_cgroup(const std::string& name, const CgroupLimits& limits) {
  CgroupFiles files;
  const LeafName names = split_name(name);
  for (const CgroupHierarchy& hierarchy : find_hierarchies("self", limits, &files)) {
    if (is_better_not_entered(hierarchy, limits)) continue;
    const Leaf leaf = leaf_of(hierarchy, place_leaf(hierarchy.own.path, names.fleet, names.leaf));
    if (!make_leaf(leaf, &files)) continue;
    set_limits(leaf, names.fleet, limits, &files);
    files.write(leaf.directory + "/cgroup.procs", "0");
  }
  return files.take_troubles();
}

std::vector<std::string> change_cgroup_limits(pid_t member, const std::string& name,
                                              const CgroupLimits& limits) {
  CgroupFiles files;
  const LeafName names = split_name(name);
  const std::vector<CgroupHierarchy> hierarchies =
      find_hierarchies(std::to_string(member), limits, &files);
  const auto is_inside = [&](const CgroupHierarchy& hierarchy) {
    return last_part(hierarchy.own.path) == names.leaf;
  };
  const auto entered = std::find_if(hierarchies.begin(), hierarchies.end(), is_inside);
  if (entered == hierarchies.end()) {
    files.add_trouble("process " + std::to_string(member) + " is not in a control group named " +
                      names.leaf + "; its limits take effect when it starts again");
    return files.take_troubles();
  }
  for (const CgroupHierarchy& hierarchy : hierarchies) {
    const std::string& own = hierarchy.own.path;
    if (is_inside(hierarchy)) {
      const std::string above = parent_path(own);
      const std::string top = last_part(above) == names.fleet ? parent_path(above) : above;
      set_limits(leaf_of(hierarchy, {top, own}), names.fleet, limits, &files);
    } else if (!is_better_not_entered(hierarchy, limits)) {
      const Leaf leaf = leaf_of(hierarchy, place_leaf(own, names.fleet, names.leaf));
      if (!make_leaf(leaf, &files)) continue;
      set_limits(leaf, names.fleet, limits, &files);
      move_processes(entered->own.directory(), leaf.directory, &files);
    }
  }
  return files.take_troubles();
}

std::vector<std::string> remove_cgroup(pid_t supervisor, const std::string& name, BusyLeaf busy) {
  CgroupFiles files;
  const LeafName names = split_name(name);
  for (const CgroupHierarchy& hierarchy :
       find_hierarchies(std::to_string(supervisor), {}, &files)) {
    const Leaf leaf = leaf_of(hierarchy, place_leaf(hierarchy.own.path, names.fleet, names.leaf));
    const std::string fleet = parent_path(leaf.directory);
    // Refused while there is another leaf.
    if (files.remove(leaf.directory, busy) && last_part(fleet) == names.fleet) {
      rmdir(fleet.c_str());
    }
  }
  return files.take_troubles();
}

}  // namespace sdr
