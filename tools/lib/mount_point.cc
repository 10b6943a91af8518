#include "tools/lib/mount_point.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

namespace sdr {

bool is_mount_point(const std::string& path) {
  struct statx here = {};
  if (statx(AT_FDCWD, path.c_str(), 0, STATX_INO, &here) == 0 &&
      (here.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT)) {
    errno = 0;
    return here.stx_attributes & STATX_ATTR_MOUNT_ROOT;
  }
  struct stat status, above;
  if (stat(path.c_str(), &status) != 0 || stat((path + "/..").c_str(), &above) != 0) return false;
  errno = 0;
  return status.st_dev != above.st_dev || status.st_ino == above.st_ino;
}

}  // namespace sdr
