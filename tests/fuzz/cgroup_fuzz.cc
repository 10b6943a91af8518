// Any texts as /proc/PID/mountinfo and /proc/PID/cgroup: the group that is found lies below a mount
// that was listed, and a leaf below the group.
#include <algorithm>

#include "tests/fuzz/fuzz.h"
#include "tools/lib/cgroup_find.h"

using namespace sdr;
using namespace sdr::fuzz;

namespace {

void check_leaf(const std::string& own) {
  const LeafPlace place = place_leaf(own, "speeddata", "engine");
  require(place.path.starts_with(place.top));
  require(last_part(place.path) == "engine");
}

void check_parts(const std::string& path) {
  if (path.find('/') == path.npos) return;
  require(parent_path(path) + "/" + std::string(last_part(path)) == path);
}

}  // namespace

// The mounts, a NUL, the groups.
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  const std::string_view mountinfo = input.until('\0');
  const std::string_view groups = input.rest();
  const std::vector<CgroupMount> mounts = parse_cgroup_mounts(mountinfo);
  require(mounts.size() <=
          1 + static_cast<size_t>(std::count(mountinfo.begin(), mountinfo.end(), '\n')));
  for (const CgroupMount& mount : mounts) {
    require(!mount.point.empty());
    require(!mount.writable || has_word(mount.controllers, "rw", ','));
  }
  for (const char* controller : {"", "cpu", "memory", "pids", "cpuset"}) {
    ProcessGroup group;
    if (find_group(controller, groups, mounts, &group) != GroupFound::kYes) continue;
    require(std::any_of(mounts.begin(), mounts.end(), [&group](const CgroupMount& mount) {
      return mount.point == group.point && mount.unified == group.unified;
    }));
    require(!has_word(group.path, "..", '/'));
    check_leaf(group.path);
    check_parts(group.path);
  }
  return 0;
}
