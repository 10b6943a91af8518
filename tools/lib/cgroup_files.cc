#include "tools/lib/cgroup_files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

namespace sdr {
namespace {

constexpr long kEndingMs = 1000;
constexpr long kJustEndingMs = 100;  // the kernel takes a moment to let go of a dead process

// errno, 0 for success.
int try_write(const std::string& path, const std::string& text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  // One call: each is a value of its own.
  const int failed = write(fd, text.data(), text.size()) < 0 ? errno : 0;
  close(fd);
  return failed;
}

std::string unable_to_write(const std::string& path, const std::string& text, int sys_errno) {
  const size_t end = text.find_last_not_of('\n');
  const std::string shown = end == std::string::npos ? "nothing" : text.substr(0, end + 1);
  return "unable to write " + shown + " to " + path + ": " + strerror(sys_errno);
}

int make_directory(const std::string& path) {
  return mkdir(path.c_str(), 0755) == 0 || errno == EEXIST ? 0 : errno;
}

}  // namespace

std::optional<std::string> read_cgroup_file(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  std::string out;
  char block[4096];
  ssize_t got;
  while ((got = read(fd, block, sizeof block)) > 0) out.append(block, static_cast<size_t>(got));
  const int failed = errno;
  close(fd);
  if (got == 0) return out;
  errno = failed;
  return std::nullopt;
}

bool CgroupFiles::write(const std::string& path, const std::string& text) {
  return write_or_busy(path, text, "");
}

bool CgroupFiles::write_if_there(const std::string& path, const std::string& text) {
  const int failed = try_write(path, text);
  const bool absent = failed == ENOENT || failed == ESRCH;
  if (failed != 0 && !absent) add_trouble(unable_to_write(path, text, failed));
  return failed == 0 || absent;
}

bool CgroupFiles::write_or_busy(const std::string& path, const std::string& text,
                                const std::string& hint) {
  const int failed = try_write(path, text);
  if (failed == 0) return true;
  add_trouble(unable_to_write(path, text, failed) + (failed == EBUSY ? hint : ""));
  return false;
}

bool CgroupFiles::make(const std::string& directory) {
  const std::string above = directory.substr(0, directory.rfind('/'));
  // Twice: whoever removes the fleet's last leaf removes the fleet's group too.
  int failed = ENOENT;
  for (int tries = 0; tries < 2 && failed == ENOENT; ++tries) {
    failed = make_directory(above);
    if (failed == 0) failed = make_directory(directory);
  }
  if (failed != 0) add_trouble("unable to make " + directory + ": " + strerror(failed));
  return failed == 0;
}

bool CgroupFiles::remove(const std::string& directory, BusyLeaf when_busy) {
  const long wait_ms = when_busy == BusyLeaf::kAwait ? kEndingMs : kJustEndingMs;
  const long deadline_ms = monotonic_ms() + wait_ms;
  constexpr timespec kPause = {0, 5'000'000};
  while (rmdir(directory.c_str()) < 0 && errno != ENOENT) {
    if (errno != EBUSY || monotonic_ms() >= deadline_ms) {
      const bool busy = errno == EBUSY;
      if (busy && when_busy == BusyLeaf::kLeave) return false;
      add_trouble("unable to remove " + directory + ": " + strerror(errno) +
                  (busy ? ": processes are left in it" : ""));
      return false;
    }
    nanosleep(&kPause, nullptr);
  }
  return true;
}

void CgroupFiles::add_trouble(std::string trouble) {
  if (std::find(troubles_.begin(), troubles_.end(), trouble) == troubles_.end()) {
    troubles_.push_back(std::move(trouble));
  }
}

long monotonic_ms() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

}  // namespace sdr
