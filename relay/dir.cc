#include "relay/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
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

namespace {

// Calls take(c) for every byte of a file of /proc.
template <typename Take>
Status for_each_byte(const char* path, Take take) {
  UniqueFd fd(open(path, O_RDONLY | O_CLOEXEC));
  char buffer[4096];
  for (;;) {
    const ssize_t got = fd ? read(fd.get(), buffer, sizeof buffer) : -1;
    if (got < 0 && fd && errno == EINTR) continue;
    if (got < 0) return Error{"unable to read the mounts in /proc/self", errno};
    if (got == 0) return {};
    for (ssize_t i = 0; i < got; ++i) take(buffer[i]);
  }
}

// The number of the topmost mount at `path`, or -1: fields 1 and 5 of each line of
// /proc/self/mountinfo (proc(5)), the topmost last; space, tab, newline and backslash stand there
// as \ooo.
Result<int64_t> mount_at(const char* path) {
  int64_t found = -1;
  int64_t number = 0;
  int field = 1;
  const char* expect = path;  // null: this line's field has differed
  int escape = -1;            // digits of a \ooo seen, or -1
  char escaped = 0;
  Status read = for_each_byte(kMounts, [&](char c) {
    auto compare = [&](char one) {
      if (expect) expect = *expect == one ? expect + 1 : nullptr;
    };
    if (c == ' ' || c == '\n') {
      if (field == 5 && expect && (!*expect || (expect[0] == '/' && !expect[1]))) found = number;
      field = c == '\n' ? 1 : field + 1;
      if (c == '\n') {
        expect = path;
        number = 0;
      }
    } else if (field == 1) {
      number = number * 10 + (c - '0');
    } else if (field == 5 && escape >= 0) {
      escaped = static_cast<char>(escaped * 8 + (c - '0'));
      if (++escape == 3) {
        compare(escaped);
        escape = -1;
      }
    } else if (field == 5 && c == '\\') {
      escape = 0;
      escaped = 0;
    } else if (field == 5) {
      compare(c);
    }
  });
  if (!read) return read.error();
  return found;
}

// The number of the mount that `fd` was opened by, or -1 before Linux 3.15, which does not say.
Result<int64_t> mount_of(int fd) {
  char path[48];
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
  constexpr char kKey[] = "mnt_id:\t";
  const char* expect = kKey;  // null: this line is another one
  int64_t found = -1;
  Status read = for_each_byte(path, [&](char c) {
    if (c == '\n') {
      expect = kKey;
    } else if (expect && *expect == '\0') {
      found = (found < 0 ? 0 : found * 10) + (c - '0');
    } else if (expect) {
      expect = *expect == c ? expect + 1 : nullptr;
    }
  });
  if (!read) return read.error();
  return found;
}

}  // namespace

Result<bool> is_on_mount(int fd, const char* path) {
  Result<int64_t> there = mount_at(path);
  if (!there) return there.error();
  if (*there < 0) return false;
  Result<int64_t> ours = mount_of(fd);
  if (!ours) return ours.error();
  return *ours < 0 || *ours == *there;
}

}  // namespace sdr
