// Whether something is mounted at a directory.
#pragma once

#include <string>

namespace sdr {

// False with errno 0: `path` is there, but no mount point; with errno: it cannot be looked at. A
// file system that is mounted on a part of itself is only noticed from Linux 5.8 on.
bool is_mount_point(const std::string& path);

}  // namespace sdr
