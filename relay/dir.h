// Directories without heap: walking, making, and whether they are on what is mounted.
#pragma once

#include <stdint.h>

#include "relay/fd.h"
#include "relay/format/result.h"

namespace sdr {

// Whether anything has that name, a link that leads nowhere included. (Before Linux 5.8 musl's
// faccessat cannot tell.)
bool is_there(int dir_fd, const char* name);

// Calls visit(name, context) for every entry but . and ..; a visit may unlink. Reads the directory
// from its start.
Status for_each_name(int dir_fd, void (*visit)(const char* name, void* context), void* context);

// The same with a callable.
template <typename Visit>
Status for_each_name(int dir_fd, Visit visit) {
  return for_each_name(
      dir_fd, [](const char* name, void* context) { (*static_cast<Visit*>(context))(name); },
      &visit);
}

// The mode of a directory whose files have `file_mode`: who may read may also enter.
inline uint32_t dir_mode(uint32_t file_mode) {
  return file_mode | 0100 | ((file_mode & 0444) >> 2);
}

// Opens directory `path` below `dir_fd` (or AT_FDCWD), making its last component with `mode` where
// it is missing.
Result<UniqueFd> open_or_make_dir(int dir_fd, const char* path, uint32_t mode);

// Lists this process's mounts; poll(2) says POLLPRI of it when they have changed (proc(5)).
constexpr char kMounts[] = "/proc/self/mountinfo";

// Whether something is mounted at `path`, written without symlinks, and `fd` is of that mount: not
// of what lies below it, nor of what was mounted there before. Bind mounts count.
Result<bool> is_on_mount(int fd, const char* path);

}  // namespace sdr
