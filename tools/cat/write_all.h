// Writes that end when all is written.
#pragma once

#include <errno.h>
#include <unistd.h>

#include <string_view>

namespace sdr::cat {

// False: errno says why not.
inline bool write_all(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t written = write(fd, data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    data.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

}  // namespace sdr::cat
