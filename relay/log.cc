#include "relay/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

namespace sdr {
namespace {

const char* channel = "?";
Counter* lines_dropped = nullptr;

// Standard error is a pipe that we share, with the other process and maybe with others still, so
// O_NONBLOCK, which would be theirs too, is not ours to set. Linux 6.5 takes it for one write.
enum class Put { kDone, kDropped, kUnable };
Put put_nowait(const char* line, size_t size) {
#ifdef SYS_pwritev2
  constexpr int kNoWait = 8;  // RWF_NOWAIT
  const iovec piece = {const_cast<char*>(line), size};
  const long kHere = -1;
  if (syscall(SYS_pwritev2, STDERR_FILENO, &piece, 1L, kHere, kHere, kNoWait) >= 0)
    return Put::kDone;
  if (errno == ENOSYS || errno == EOPNOTSUPP || errno == EINVAL) return Put::kUnable;
  return Put::kDropped;
#else
  return Put::kUnable;
#endif
}

// A pipe that polls writable has room for PIPE_BUF bytes (pipe(7)), so a write does not block if
// nobody comes in between: receiver and writer keep each other out by a lock, which goes with its
// holder. One that is stopped with it costs a few tries and the line.
bool put_polled(const char* line, size_t size) {
  constexpr int kTries = 100;
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  for (int tries = 0; fcntl(STDERR_FILENO, F_SETLK, &lock) < 0; ++tries) {
    if (errno != EAGAIN && errno != EACCES) break;  // not to be locked
    if (tries == kTries) return false;
    sched_yield();
  }
  pollfd writable = {STDERR_FILENO, POLLOUT, 0};
  const bool done = poll(&writable, 1, 0) == 1 && write(STDERR_FILENO, line, size) >= 0;
  lock.l_type = F_UNLCK;
  (void)fcntl(STDERR_FILENO, F_SETLK, &lock);
  return done;
}

void put_line(const char* level, int sys_errno, const char* format, va_list args) {
  char line[1024];
  size_t size =
      static_cast<size_t>(snprintf(line, sizeof line, "sdr-relay[%s]: %s: ", channel, level));
  const int body = vsnprintf(line + size, sizeof line - size, format, args);
  if (body > 0) size += static_cast<size_t>(body);
  if (size >= sizeof line) size = sizeof line - 1;
  if (sys_errno != 0) {
    const int tail = snprintf(line + size, sizeof line - size, ": %s", strerror(sys_errno));
    if (tail > 0) size += static_cast<size_t>(tail);
    if (size >= sizeof line) size = sizeof line - 1;
  }
  line[size++] = '\n';
  Put put = put_nowait(line, size);
  if (put == Put::kUnable) put = put_polled(line, size) ? Put::kDone : Put::kDropped;
  if (put == Put::kDropped && lines_dropped) add(*lines_dropped, 1);
}

}  // namespace

bool open_standard_descriptors() {
  int fd;
  do {
    fd = open("/dev/null", O_RDWR);
  } while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd < 0) return false;
  close(fd);
  return true;
}

void log_open(const char* name, Counter* dropped) {
  (void)signal(SIGPIPE, SIG_IGN);
  channel = name;
  lines_dropped = dropped;
}

void log_line(const char* level, const char* format, ...) {
  va_list args;
  va_start(args, format);
  put_line(level, 0, format, args);
  va_end(args);
}

void log_errno(const char* level, int sys_errno, const char* format, ...) {
  va_list args;
  va_start(args, format);
  put_line(level, sys_errno, format, args);
  va_end(args);
}

}  // namespace sdr
