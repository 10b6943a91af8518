#include "tools/gen/apply_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "tools/gen/service_dir.h"

namespace sdr {

HeldSignals::HeldSignals() {
  sigemptyset(&held_);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&held_, number);
  sigprocmask(SIG_BLOCK, &held_, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGCHLD, SIG_DFL);
}

bool HeldSignals::any() const {
  sigset_t pending;
  sigpending(&pending);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    if (sigismember(&pending, number)) return true;
  }
  return false;
}

ApplyLock::ApplyLock(const std::string& path) {
  fd_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd_ < 0) throw_system_error("open", path, errno);
  held_ = flock(fd_, LOCK_EX | LOCK_NB) == 0;
  if (!held_ && errno != EWOULDBLOCK) throw_system_error("lock", path, errno);
  char text[32] = {};
  if (held_) {
    const int size = snprintf(text, sizeof text, "%d\n", getpid());
    if (ftruncate(fd_, 0) < 0 || write(fd_, text, static_cast<size_t>(size)) != size) {
      throw_system_error("write", path, errno);
    }
  } else if (pread(fd_, text, sizeof text - 1, 0) > 0) {
    holder_ = std::string(text, strcspn(text, "\n"));
  }
}

ApplyLock::~ApplyLock() { close(fd_); }

}  // namespace sdr
