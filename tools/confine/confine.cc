#include "tools/confine/confine.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace sdr {
namespace {

constexpr int kSystemError = 111;
constexpr unsigned kFdEnd = ~0u;

[[noreturn]] void throw_errno(const std::string& what, int sys_errno) {
  throw ConfineError(what + ": " + strerror(sys_errno), kSystemError);
}

bool is_kept(const std::vector<unsigned>& keep, unsigned fd) {
  return fd <= 2 || std::binary_search(keep.begin(), keep.end(), fd);
}

// For kernels without close_range. Closing changes what is read, so the directory is read again
// until nothing is left.
void close_listed(const std::vector<unsigned>& keep) {
  for (bool closed = true; closed;) {
    closed = false;
    DIR* dir = opendir("/proc/self/fd");
    if (!dir) throw_errno("unable to read /proc/self/fd", errno);
    while (const dirent* entry = readdir(dir)) {
      char* end = nullptr;
      const unsigned long fd = strtoul(entry->d_name, &end, 10);
      if (end == entry->d_name || *end != '\0' || is_kept(keep, static_cast<unsigned>(fd)))
        continue;
      if (static_cast<int>(fd) == dirfd(dir)) continue;
      closed = close(static_cast<int>(fd)) == 0 || closed;
    }
    closedir(dir);
  }
}

struct CpuSetRelease {
  void operator()(cpu_set_t* set) const { CPU_FREE(set); }
};

}  // namespace

void close_descriptors(const std::vector<unsigned>& keep) {
  unsigned first = 3;
  std::vector<unsigned> stops;
  for (const unsigned fd : keep) {
    if (fd > 2) stops.push_back(fd);
  }
  stops.push_back(kFdEnd);
  for (const unsigned stop : stops) {
    const unsigned last = stop == kFdEnd ? kFdEnd : stop - 1;
    if (first <= last && close_range(first, last, 0) < 0) return close_listed(keep);
    first = stop + 1;
  }
}

void reset_signals() {
  for (int number = 1; number <= SIGRTMAX; ++number) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  if (sigprocmask(SIG_SETMASK, &none, nullptr) < 0) throw_errno("unable to unblock signals", errno);
}

void pin_to_cpus(const std::vector<unsigned>& cpus, const std::string& text) {
  constexpr size_t kCpus = 8192;
  const std::unique_ptr<cpu_set_t, CpuSetRelease> wanted(CPU_ALLOC(kCpus));
  const std::unique_ptr<cpu_set_t, CpuSetRelease> granted(CPU_ALLOC(kCpus));
  if (!wanted || !granted) throw_errno("unable to pin to CPUs " + text, ENOMEM);
  const size_t bytes = CPU_ALLOC_SIZE(kCpus);
  CPU_ZERO_S(bytes, wanted.get());
  CPU_ZERO_S(bytes, granted.get());
  for (const unsigned cpu : cpus) CPU_SET_S(cpu, bytes, wanted.get());
  if (sched_setaffinity(0, bytes, wanted.get()) < 0) {
    throw_errno("unable to pin to CPUs " + text, errno);
  }
  if (sched_getaffinity(0, bytes, granted.get()) < 0) {
    throw_errno("unable to read the CPUs back", errno);
  }
  for (const unsigned cpu : cpus) {
    if (CPU_ISSET_S(cpu, bytes, granted.get())) continue;
    throw ConfineError("unable to pin to CPUs " + text + ": CPU " + std::to_string(cpu) +
                           " is not granted; it is offline or outside this cpuset",
                       kSystemError);
  }
}

void set_scheduler(const ConfineScheduler& scheduler, const std::string& text) {
  const bool fifo = scheduler.kind == SchedulerKind::kFifo;
  sched_param parameter = {};
  parameter.sched_priority = fifo ? scheduler.level : 0;
  if (sched_setscheduler(0, fifo ? SCHED_FIFO : SCHED_OTHER, &parameter) < 0) {
    throw_errno("unable to set scheduler " + text, errno);
  }
  if (!fifo && setpriority(PRIO_PROCESS, 0, scheduler.level) < 0) {
    throw_errno("unable to set scheduler " + text, errno);
  }
}

void set_limit(const ConfineLimit& limit) {
  rlimit values = {};
  // The enumeration's type differs between C and C++ in glibc.
  const auto resource = static_cast<__rlimit_resource>(limit.resource);
  if (getrlimit(resource, &values) < 0) throw_errno("unable to read limit " + limit.name, errno);
  values.rlim_cur = limit.soft;
  if (limit.hard) values.rlim_max = *limit.hard;
  if (setrlimit(resource, &values) < 0) throw_errno("unable to set limit " + limit.name, errno);
}

}  // namespace sdr
