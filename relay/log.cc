#include "relay/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

namespace sdr {
namespace {

const char* channel = "?";
Counter* lines_dropped = nullptr;

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
  // A pipe that polls writable has room for PIPE_BUF bytes (pipe(7)), so this write does not block.
  pollfd writable = {STDERR_FILENO, POLLOUT, 0};
  if (poll(&writable, 1, 0) != 1 || write(STDERR_FILENO, line, size) < 0) {
    if (lines_dropped) add(*lines_dropped, 1);
  }
}

}  // namespace

void log_open(const char* name, Counter* dropped) {
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
