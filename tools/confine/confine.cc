#include "tools/confine/confine.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace sdr {
namespace {

int fail(int sys_errno, const char* what) {
  std::fprintf(stderr, "sdr-confine: fatal: %s: %s\n", what, std::strerror(sys_errno));
  return 111;
}

}  // namespace

int close_inherited(const std::vector<int>& keep) {
  for (int fd : keep) {
    if (fcntl(fd, F_GETFD) >= 0) continue;
    std::fprintf(stderr, "sdr-confine: fatal: --keep-fd %d: descriptor is not open\n", fd);
    return 100;
  }
  // /proc rather than close_range (Linux 5.9): one way for every kernel, and it names what is
  // there.
  DIR* open_fds = opendir("/proc/self/fd");
  if (!open_fds) return fail(errno, "unable to read /proc/self/fd");
  std::vector<int> to_close;
  while (const dirent* entry = readdir(open_fds)) {
    const int fd = std::atoi(entry->d_name);
    if (fd > 2 && fd != dirfd(open_fds) && std::find(keep.begin(), keep.end(), fd) == keep.end())
      to_close.push_back(fd);
  }
  closedir(open_fds);
  for (int fd : to_close) close(fd);
  return 0;
}

int reset_signals() {
  for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);  // KILL and STOP refuse
  sigset_t none;
  sigemptyset(&none);
  if (sigprocmask(SIG_SETMASK, &none, nullptr) < 0) return fail(errno, "unable to unblock signals");
  return 0;
}

int pin_cpus(const ConfineOptions& options) {
  if (options.cpus.empty()) return 0;
  cpu_set_t wanted;
  CPU_ZERO(&wanted);
  for (int cpu : options.cpus) CPU_SET(static_cast<size_t>(cpu), &wanted);
  if (sched_setaffinity(0, sizeof wanted, &wanted) < 0)
    return fail(errno, ("unable to pin to CPUs " + options.cpus_text).c_str());
  // The kernel silently leaves out CPUs that are offline or outside our cpuset.
  cpu_set_t got;
  if (sched_getaffinity(0, sizeof got, &got) < 0) return fail(errno, "unable to read the affinity");
  if (CPU_EQUAL(&wanted, &got)) return 0;
  std::fprintf(stderr,
               "sdr-confine: fatal: unable to pin to all of CPUs %s: only %d of %d are to be had\n",
               options.cpus_text.c_str(), CPU_COUNT(&got), CPU_COUNT(&wanted));
  return 111;
}

int set_scheduling(const ConfineOptions& options) {
  if (options.scheduling == Scheduling::kUnchanged) return 0;
  const bool fifo = options.scheduling == Scheduling::kFifo;
  sched_param parameters = {};
  parameters.sched_priority = options.priority;
  if (sched_setscheduler(0, fifo ? SCHED_FIFO : SCHED_OTHER, &parameters) < 0)
    return fail(errno, fifo ? "unable to set scheduler fifo" : "unable to set scheduler other");
  if (!fifo && options.nice != getpriority(PRIO_PROCESS, 0) &&
      setpriority(PRIO_PROCESS, 0, options.nice) < 0)
    return fail(errno, "unable to set the nice value");
  return 0;
}

int set_limits(const ConfineOptions& options) {
  for (const ResourceLimit& limit : options.limits) {
    if (setrlimit(static_cast<__rlimit_resource>(limit.resource), &limit.values) < 0)
      return fail(errno, ("unable to set limit " + limit.name).c_str());
  }
  return 0;
}

}  // namespace sdr
