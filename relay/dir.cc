#include "relay/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sdr {
namespace {

// What getdents64(2) fills in.
struct Entry {
  uint64_t inode;
  int64_t offset;
  uint16_t bytes;
  uint8_t type;
  char name[1];
};

}  // namespace

bool is_there(int dir_fd, const char* name) {
  struct stat status;
  return fstatat(dir_fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

Status for_each_name(int dir_fd, void (*visit)(const char* name, void* context), void* context) {
  if (lseek(dir_fd, 0, SEEK_SET) < 0) return Error{"unable to read the directory", errno};
  alignas(Entry) char buffer[4096];
  for (;;) {
    const long got = syscall(SYS_getdents64, dir_fd, buffer, sizeof buffer);
    if (got < 0) return Error{"unable to read the directory", errno};
    if (got == 0) return {};
    for (long at = 0; at < got;) {
      uint16_t bytes;
      memcpy(&bytes, buffer + at + offsetof(Entry, bytes), sizeof bytes);
      const char* name = buffer + at + offsetof(Entry, name);
      if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) visit(name, context);
      at += bytes;
    }
  }
}

Result<UniqueFd> open_or_make_dir(int dir_fd, const char* path, uint32_t mode) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  UniqueFd fd(openat(dir_fd, path, kFlags));
  if (!fd && errno == ENOENT) {
    if (mkdirat(dir_fd, path, mode) < 0 && errno != EEXIST)
      return Error{"unable to make the directory", errno};
    fd.reset(openat(dir_fd, path, kFlags));
    if (fd) (void)fchmod(fd.get(), mode | S_ISGID);
  }
  if (!fd) return Error{"unable to open the directory", errno};
  return fd;
}

// Field 5 of each line of /proc/self/mountinfo (proc(5)); space, tab, newline and backslash stand
// there as \ooo.
Result<bool> is_mount_point(const char* path) {
  UniqueFd fd(open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
  if (!fd) return Error{"unable to read /proc/self/mountinfo", errno};
  char buffer[4096];
  int field = 1;
  const char* expect = path;  // null: this line's field has differed
  int escape = -1;            // digits of a \ooo seen, or -1
  char escaped = 0;
  bool found = false;
  auto compare = [&](char c) {
    if (expect) expect = *expect == c ? expect + 1 : nullptr;
  };
  for (;;) {
    const ssize_t got = read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error{"unable to read /proc/self/mountinfo", errno};
    if (got == 0) return found;
    for (ssize_t i = 0; i < got; ++i) {
      const char c = buffer[i];
      if (c == ' ' || c == '\n') {
        if (field == 5 && expect && *expect == '\0') found = true;
        field = c == '\n' ? 1 : field + 1;
        if (c == '\n') expect = path;
      } else if (field == 5) {
        if (escape >= 0) {
          escaped = static_cast<char>(escaped * 8 + (c - '0'));
          if (++escape == 3) {
            compare(escaped);
            escape = -1;
          }
        } else if (c == '\\') {
          escape = 0;
          escaped = 0;
        } else {
          compare(c);
        }
      }
    }
  }
}

}  // namespace sdr
