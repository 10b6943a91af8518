#include "tools/lib/cgroup.h"

#include <doctest/doctest.h>

#include <string>

#include "tools/confine/option_values.h"
#include "tools/lib/cgroup_find.h"
#include "tools/lib/cgroup_limits.h"

using sdr::CgroupMount;
using sdr::GroupFound;
using sdr::LeafPlace;
using sdr::ProcessGroup;

namespace {

constexpr std::string_view kUnified = R"(22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
31 27 0:28 / /sys rw,relatime shared:7 - sysfs sysfs rw
32 31 0:29 / /sys/fs/cgroup rw,nosuid shared:9 master:2 - cgroup2 cgroup2 rw,nsdelegate
)";

// The root's line comes after those that stand on it, as it does after a switch_root.
constexpr std::string_view kSeparate = R"(31 27 0:28 / /sys rw,relatime - sysfs sysfs rw
32 31 0:29 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
33 32 0:30 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid - cgroup cgroup rw,cpu,cpuacct
34 32 0:31 / /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory
35 32 0:32 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
36 32 0:33 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
)";

constexpr std::string_view kMixedGroups = R"(5:name=systemd:/system.slice/x.service
4:memory:/system.slice/x.service
3:cpu,cpuacct:/
0::/system.slice/x.service
)";

// "DIRECTORY 1" or "DIRECTORY 2" for the version, or why not.
std::string found(std::string_view controller, std::string_view groups,
                  std::string_view mountinfo) {
  ProcessGroup out;
  switch (sdr::find_group(controller, groups, sdr::parse_cgroup_mounts(mountinfo), &out)) {
    case GroupFound::kYes:
      return out.directory() + (out.unified ? " 2" : " 1");
    case GroupFound::kNoHierarchy:
      return "none";
    default:
      return "hidden " + out.path;
  }
}

// A mount of version 2's hierarchy from `root` on.
std::string mount_of(const std::string& root, const std::string& point = "/sys/fs/cgroup",
                     const std::string& options = "rw") {
  return "40 1 0:29 " + root + " " + point + " " + options + " - cgroup2 cgroup rw\n";
}

std::string place(const std::string& own) {
  const LeafPlace leaf = sdr::place_leaf(own, "speeddata", "one");
  return leaf.top + " " + leaf.path;
}

std::string bandwidth(uint64_t hundredths, uint64_t tick_us = 4'000) {
  const sdr::CpuBandwidth cpu = sdr::cpu_bandwidth(hundredths, tick_us);
  return std::to_string(cpu.quota_us) + " " + std::to_string(cpu.period_us);
}

uint64_t quota(const std::string& text) {
  uint64_t hundredths = 0;
  return sdr::parse_cpu_quota(text, &hundredths) ? hundredths : 0;
}

}  // namespace

TEST_CASE("cgroup: version 2 alone has every controller, or none") {
  CHECK(found("memory", "0::/a/b\n", kUnified) == "/sys/fs/cgroup/a/b 2");
  CHECK(found("", "0::/\n", kUnified) == "/sys/fs/cgroup 2");
  CHECK(found("memory", "", kUnified) == "none");
  CHECK(found("memory", "0::/a", "") == "hidden /a");
}

TEST_CASE("cgroup: in a mixture each controller is where it lives") {
  CHECK(found("memory", kMixedGroups, kSeparate) ==
        "/sys/fs/cgroup/memory/system.slice/x.service 1");
  CHECK(found("cpu", kMixedGroups, kSeparate) == "/sys/fs/cgroup/cpu,cpuacct 1");
  CHECK(found("pids", kMixedGroups, kSeparate) ==
        "/sys/fs/cgroup/unified/system.slice/x.service 2");
  CHECK(found("", kMixedGroups, kSeparate) == "/sys/fs/cgroup/unified/system.slice/x.service 2");
}

TEST_CASE("cgroup: a controller of version 1 is one whole word") {
  CHECK(found("cpu", "3:cpuset:/s\n2:cpuacct:/a\n", kSeparate) == "none");
  CHECK(found("systemd", "5:name=systemd:/x\n", kSeparate) == "none");
  CHECK(found("pids", "4:memory:/\n3:pids:/x\n", kSeparate) == "hidden /x");
}

TEST_CASE("cgroup: names may hold colons, blanks and backslashes") {
  CHECK(found("memory", "4:memory:/a:b/c d\n", kSeparate) == "/sys/fs/cgroup/memory/a:b/c d 1");
  CHECK(found("pids", "0::/\n", mount_of("/", "/mnt/a\\040b\\134c")) == "/mnt/a b\\c 2");
}

TEST_CASE("cgroup: a mount that shows a part of the hierarchy") {
  CHECK(found("pids", "0::/docker/1\n", mount_of("/docker/1")) == "/sys/fs/cgroup 2");
  CHECK(found("pids", "0::/docker/1/x\n", mount_of("/docker/1")) == "/sys/fs/cgroup/x 2");
  CHECK(found("pids", "0::/docker/12\n", mount_of("/docker/1")) == "hidden /docker/12");
  CHECK(found("pids", "0::/\n", mount_of("/docker/1")) == "hidden /");
  const std::string both = mount_of("/docker/1") + mount_of("/other", "/mnt/other");
  CHECK(found("pids", "0::/other/x\n", both) == "/mnt/other/x 2");
  CHECK(found("", "0::/part\n", mount_of("/part/")) == "/sys/fs/cgroup 2");
  CHECK(found("", "0::/part/x\n", mount_of("/part/")) == "/sys/fs/cgroup/x 2");
}

TEST_CASE("cgroup: in a cgroup namespace") {
  CHECK(found("pids", "0::/\n", mount_of("/")) == "/sys/fs/cgroup 2");
  // The mount is of before the namespace, and the names on the way to it are not known.
  CHECK(found("pids", "0::/\n", mount_of("/..")) == "hidden /");
  // A process outside of it.
  CHECK(found("pids", "0::/../x\n", mount_of("/")) == "hidden /../x");
  CHECK(found("pids", "0::/../x\n", mount_of("/..")) == "/sys/fs/cgroup/x 2");
  CHECK(found("pids", "0::/../../x\n", mount_of("/..")) == "hidden /../../x");
}

TEST_CASE("cgroup: of several mounts one that can be written") {
  const std::string bound = mount_of("/") + mount_of("/", "/mnt/read-only", "ro,nosuid");
  CHECK(found("pids", "0::/a\n", bound) == "/sys/fs/cgroup/a 2");
  CHECK(found("pids", "0::/a\n", mount_of("/", "/mnt", "ro")) == "/mnt/a 2");
}

TEST_CASE("cgroup: a mount that lies under another is not used") {
  const std::string over = std::string(kUnified) + "50 32 0:40 / /sys/fs/cgroup rw - tmpfs t rw\n";
  CHECK(found("pids", "0::/a\n", over) == "hidden /a");
  const std::string above = std::string(kUnified) + "50 31 0:40 / /sys/fs rw - tmpfs t rw\n";
  CHECK(found("pids", "0::/a\n", above) == "hidden /a");
  const std::string again = above + "51 50 0:29 / /sys/fs/cgroup rw - cgroup2 c rw\n";
  CHECK(found("pids", "0::/a\n", again) == "/sys/fs/cgroup/a 2");
  const std::string beside = std::string(kUnified) + "50 31 0:40 / /sys/fs/cg rw - tmpfs t rw\n";
  CHECK(found("pids", "0::/a\n", beside) == "/sys/fs/cgroup/a 2");
}

TEST_CASE("cgroup: lines that are none do no harm") {
  CHECK(sdr::parse_cgroup_mounts("").empty());
  CHECK(sdr::parse_cgroup_mounts("\n\n1\n1 1 0:1 / \n1 1 0:1 / /x rw\n").empty());
  CHECK(sdr::parse_cgroup_mounts("1 2 0:1 / /x rw - cgroup2\n2 1 0:1 / / rw - x\n").size() == 1);
  CHECK(found("pids", "no colon\n:\n::\n0:\n1:pids\n", kUnified) == "hidden ");
}

TEST_CASE("cgroup: a leaf is in the fleet's group, or beside those that are") {
  CHECK(place("") == " /speeddata/one");
  CHECK(place("/a.service") == "/a.service /a.service/speeddata/one");
  CHECK(place("/a.service/speeddata/supervisor") == "/a.service /a.service/speeddata/one");
  CHECK(place("/a.service/speeddata/two") == "/a.service /a.service/speeddata/one");
  CHECK(place("/a.service/supervisor") == "/a.service /a.service/one");
  CHECK(place("/supervisor") == " /one");
  CHECK(place("/speeddata/one") == " /speeddata/one");
  CHECK(place("/speeddata") == "/speeddata /speeddata/speeddata/one");
  CHECK(place("/other/two") == "/other/two /other/two/speeddata/one");
}

TEST_CASE("cgroup: names that are a fleet and a leaf") {
  for (const char* good : {"a/b", "speeddata/channel.engine", "A-Z_09/..a", ".../-"}) {
    CHECK_MESSAGE(sdr::is_cgroup_name(good), good);
  }
  for (const char* bad : {"", "/", "a", "a/", "/b", "a//b", "a/b/c", "../b", "a/..", "./b", "a/.",
                          "a b/c", "a/b\n", "a/\xc3\xa4", "a/b:c"}) {
    CHECK_MESSAGE(!sdr::is_cgroup_name(bad), bad);
  }
}

TEST_CASE("cgroup: a quota in 10 ms, and in longer where it would be less than 1 ms") {
  CHECK(bandwidth(5000) == "5000 10000");
  CHECK(bandwidth(25000) == "25000 10000");
  CHECK(bandwidth(1000) == "1000 10000");
  CHECK(bandwidth(999) == "1000 10010");
  CHECK(bandwidth(100) == "1000 100000");
  CHECK(bandwidth(10) == "1000 1000000");
  CHECK(bandwidth(9) == "1000 1000000");
  CHECK(bandwidth(0) == "1000 1000000");
  CHECK(bandwidth(10'000'000) == "10000000 10000");
}

TEST_CASE("cgroup: a period is at least two of the kernel's ticks") {
  CHECK(bandwidth(3000, 1'000) == "3000 10000");
  CHECK(bandwidth(3000, 5'000) == "3000 10000");
  CHECK(bandwidth(3000, 5'001) == "3000 10002");
  CHECK(bandwidth(3000, 10'000) == "6000 20000");
  CHECK(bandwidth(10, 10'000) == "1000 1000000");
  CHECK(bandwidth(3000, 1'000'000) == "300000 1000000");
}

TEST_CASE("cgroup: what a quota is given as") {
  CHECK(quota("50") == 5000);
  CHECK(quota("12.5") == 1250);
  CHECK(quota("12.05") == 1205);
  CHECK(quota("0.01") == 1);
  CHECK(quota("100000") == 10'000'000);
  for (const char* bad : {"", "0", "0.00", "100000.01", "100001", "-1", "+1", "50%", "1.", ".5",
                          "1.005", "1,5", "1e2", " 1", "1.-1", "1.5.5"}) {
    CHECK_MESSAGE(quota(bad) == 0, bad);
  }
}
