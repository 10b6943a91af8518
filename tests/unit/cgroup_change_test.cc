// Limits of a leaf that a process is in, for real: as root, in the groups that are there. In
// version 2 only where the test itself runs in sdr-unit/supervisor.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tools/lib/cgroup.h"
#include "tools/lib/cgroup_files.h"
#include "tools/lib/cgroup_hierarchy.h"

using sdr::CgroupHierarchy;
using sdr::CgroupLimits;

namespace {

constexpr const char* kName = "sdr-unit/one";
constexpr const char* kOther = "sdr-unit/two";

// A process that entered the leaf, or did not, and waits.
class Member {
 public:
  explicit Member(const char* leaf, const CgroupLimits& limits = {}) {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      const std::vector<std::string> troubles =
          leaf ? sdr::enter_cgroup(leaf, limits) : std::vector<std::string>{};
      const std::string first = troubles.empty() ? "ok" : troubles.front();
      if (write(ends[1], first.data(), first.size()) < 0) _exit(1);
      for (;;) pause();
    }
    char text[1024];
    const ssize_t got = read(ends[0], text, sizeof text);
    trouble_.assign(text, static_cast<size_t>(std::max<ssize_t>(got, 0)));
    close(ends[0]);
    close(ends[1]);
  }
  ~Member() { end(); }
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;

  void end() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    pid_ = -1;
  }
  bool entered() const {
    if (trouble_ != "ok") MESSAGE("not shown here: " << trouble_);
    return trouble_ == "ok";
  }
  pid_t pid() const { return pid_; }

  // The directory of the group that it is in.
  std::string group(const std::string& controller) const {
    sdr::CgroupFiles files;
    for (const CgroupHierarchy& each : sdr::find_hierarchies(std::to_string(pid_), {}, &files)) {
      const std::vector<std::string>& names = each.controllers;
      if (std::find(names.begin(), names.end(), controller) != names.end()) {
        return each.own.directory();
      }
    }
    return "";
  }

  std::string value(const std::string& controller, const char* version_1,
                    const char* version_2) const {
    const std::string base = group(controller) + "/";
    const std::optional<std::string> text = sdr::read_cgroup_file(base + version_1);
    return text ? *text : sdr::read_cgroup_file(base + version_2).value_or("none");
  }
  std::string memory() const { return value("memory", "memory.limit_in_bytes", "memory.max"); }
  std::string quota() const { return value("cpu", "cpu.cfs_quota_us", "cpu.max"); }
  std::string pids() const { return value("pids", "pids.max", "pids.max"); }

 private:
  pid_t pid_ = -1;
  std::string trouble_;
};

// What a test could not show must not stay either.
struct Removal {
  ~Removal() {
    for (const char* name : {kName, kOther}) {
      sdr::remove_cgroup(getpid(), name, sdr::BusyLeaf::kAwait);
    }
  }
};

CgroupLimits limits_of(uint64_t memory_bytes) {
  CgroupLimits limits;
  limits.memory_bytes = memory_bytes;
  return limits;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

bool is_unlimited(const std::string& text) {
  return text.starts_with("max") || text == "-1\n" || text == "9223372036854771712\n";
}

}  // namespace

TEST_CASE("cgroup, for real: limits change while the process runs") {
  if (geteuid() != 0) return;
  const Removal removal;
  {
    Member member(kName, limits_of(64 << 20));
    if (!member.entered()) return;
    CHECK(member.memory() == "67108864\n");
    CgroupLimits limits = limits_of(128 << 20);
    limits.cpu_quota_hundredths = 5000;
    limits.pids = 20;
    CHECK(joined(sdr::change_cgroup_limits(member.pid(), kName, limits)) == "");
    CHECK(member.memory() == "134217728\n");
    CHECK(member.group("cpu").ends_with("/one"));
    CHECK(!is_unlimited(member.quota()));
    CHECK(member.pids() == "20\n");
    CHECK(joined(sdr::change_cgroup_limits(member.pid(), kName, limits_of(32 << 20))) == "");
    CHECK(member.memory() == "33554432\n");
    CHECK(is_unlimited(member.quota()));
    CHECK(is_unlimited(member.pids()));
    CHECK(joined(sdr::change_cgroup_limits(member.pid(), kName, {})) == "");
    CHECK(is_unlimited(member.memory()));
  }
  CHECK(joined(sdr::remove_cgroup(getpid(), kName, sdr::BusyLeaf::kAwait)) == "");
}

TEST_CASE("cgroup, for real: who never entered the leaf is left alone") {
  if (geteuid() != 0) return;
  const Removal removal;
  // Where no groups are to be had at all, that is what is said.
  if (!Member(kOther).entered()) return;
  const Member stranger(nullptr);
  const std::string before = stranger.memory();
  const std::string said =
      joined(sdr::change_cgroup_limits(stranger.pid(), kName, limits_of(32 << 20)));
  CHECK(said == "process " + std::to_string(stranger.pid()) +
                    " is not in a control group named one; its limits take effect when it starts "
                    "again\n");
  CHECK(stranger.memory() == before);
}

TEST_CASE("cgroup, for real: a leaf is removed once it is empty") {
  if (geteuid() != 0) return;
  const Removal removal;
  Member one(kName, limits_of(64 << 20));
  Member two(kOther);
  if (!one.entered() || !two.entered()) return;
  const std::string group = one.group("memory");
  const std::string fleet = group.substr(0, group.rfind('/'));
  const std::string said = joined(sdr::remove_cgroup(getpid(), kName, sdr::BusyLeaf::kAwait));
  CHECK_MESSAGE(said.find("unable to remove " + group +
                          ": Device or resource busy: processes are "
                          "left in it\n") != std::string::npos,
                said);
  one.end();
  CHECK(joined(sdr::remove_cgroup(getpid(), kName, sdr::BusyLeaf::kAwait)) == "");
  CHECK(access(group.c_str(), F_OK) != 0);
  CHECK(access(fleet.c_str(), F_OK) == 0);
  CHECK(joined(sdr::remove_cgroup(getpid(), kName, sdr::BusyLeaf::kAwait)) == "");
  two.end();
  CHECK(joined(sdr::remove_cgroup(getpid(), kOther, sdr::BusyLeaf::kAwait)) == "");
  const bool we_are_in_it = fleet == Member(nullptr).group("memory").substr(0, fleet.size());
  CHECK((access(fleet.c_str(), F_OK) == 0) == we_are_in_it);
}
