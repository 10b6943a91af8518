#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "relay/format/segment_name.h"
#include "tools/prune/tree.h"

namespace sdr::prune {

std::string channel_directory(std::string_view channel) {
  return std::string(kChannelDirPrefix) + std::string(channel);
}

std::string directory_of(const FoundSegment& segment) {
  if (segment.is_rejected) return kRejectedDir;
  char name[kDateDirBytes + 1];
  return {name, put_date_dir(segment.start_us, name)};
}

std::string segment_name_of(std::string_view channel, const FoundSegment& segment) {
  char name[kSegmentNameBytesMax];
  return {name, put_segment_name(channel, segment.start_us, name)};
}

std::string index_name_of(std::string_view channel, const FoundSegment& segment) {
  char name[kIndexNameBytesMax];
  return {name, put_index_name(channel, segment.start_us, name)};
}

UniqueFd open_directory(int parent_fd, const std::string& name, uint64_t device) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  open_how how = {};
  how.flags = static_cast<uint64_t>(kFlags);
  how.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH;
  // It also sees what the device number does not tell, a bind mount; Linux has it from 5.6 on.
  UniqueFd fd(static_cast<int>(syscall(SYS_openat2, parent_fd, name.c_str(), &how, sizeof how)));
  if (!fd && (errno == ENOSYS || errno == EPERM)) fd.reset(openat(parent_fd, name.c_str(), kFlags));
  struct stat status;
  if (!fd || fstat(fd.get(), &status) != 0) return UniqueFd();
  if (status.st_dev == device) return fd;
  errno = EXDEV;
  return UniqueFd();
}

}  // namespace sdr::prune
