#include "tools/prune/keep_hash.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "relay/fd.h"
#include "tools/prune/keep.h"

extern char** environ;

namespace sdr::prune {
namespace {

constexpr size_t kDigits = 64;
constexpr int kReportMs = 100;
constexpr int kNicest = 19;
// linux/ioprio.h, which is not everywhere.
constexpr int kIoprioWhoProcess = 1;
constexpr int kIoprioIdle = 3 << 13;

UniqueFd start(int fd, pid_t* pid) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw KeepError::system("unable to make a pipe");
  UniqueFd from(ends[0]);
  const UniqueFd to(ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, fd, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, to.get(), STDOUT_FILENO);
  const char* const words[] = {"sha256sum", "-b", nullptr};
  const int failed =
      posix_spawnp(pid, words[0], &actions, nullptr, const_cast<char* const*>(words), environ);
  posix_spawn_file_actions_destroy(&actions);
  errno = failed;
  if (failed != 0) throw KeepError::system("unable to start sha256sum");
  return from;
}

// The child, which does not outlive its use.
struct Child {
  ~Child() {
    if (pid > 0) kill(pid, SIGKILL);
    wait();
  }
  int wait() {
    int status = -1;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    pid = 0;
    return status;
  }
  pid_t pid = 0;
};

}  // namespace

void yield_to_recording() {
  errno = 0;
  setpriority(PRIO_PROCESS, 0, kNicest);
  syscall(SYS_ioprio_set, kIoprioWhoProcess, 0, kIoprioIdle);
}

std::string sha256_of(int fd, const std::string& what,
                      const std::function<void(int64_t bytes)>& report) {
  if (lseek(fd, 0, SEEK_SET) < 0) throw KeepError::system("unable to read " + what);
  Child child;
  const UniqueFd from = start(fd, &child.pid);
  std::string text;
  for (bool more = true; more;) {
    pollfd ready = {from.get(), POLLIN, 0};
    // The child reads by the same open file: where that stands is how far it is.
    if (poll(&ready, 1, kReportMs) <= 0) {
      report(lseek(fd, 0, SEEK_CUR));
      continue;
    }
    char part[128];
    const ssize_t got = ::read(from.get(), part, sizeof part);
    if (got > 0) text.append(part, static_cast<size_t>(got));
    more = got > 0;
  }
  const int status = child.wait();
  report(lseek(fd, 0, SEEK_CUR));
  posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  const std::string digits = text.substr(0, kDigits);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || digits.size() != kDigits ||
      digits.find_first_not_of("0123456789abcdef") != std::string::npos)
    throw KeepError(111, "sha256sum could not read " + what);
  return digits;
}

}  // namespace sdr::prune
