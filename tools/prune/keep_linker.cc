#include "tools/prune/keep_linker.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <vector>

#include "tools/prune/keep_find.h"

namespace sdr::prune {
namespace {

// Why a file of this errno cannot be linked. Empty: it is not about this file alone.
std::string why_not(int sys_errno) {
  switch (sys_errno) {
    case ENOENT:
      return "it is gone: retention or another program has deleted it meanwhile";
    case EXDEV:
      return "it is on another file system than kept/: hard links need the same one";
    case EMLINK:
      return "it has as many names as the file system allows";
    case EPERM:
      return "no hard link can be made of it: it is another user's, or this file system has none";
    case EACCES:
    case ELOOP:
    case ENOTDIR:
      return std::string("unable to link it: ") + strerror(sys_errno);
    default:
      return "";
  }
}

class Linker {
 public:
  Linker(int from_fd, KeepPlace* place, const UniqueFd& to)
      : from_fd_(from_fd), place_(place), to_fd_(to.get()) {}

  // *why says what is in its way. The name may come to be another file's at any moment: what counts
  // is what the link leads to.
  bool link(const std::string& name, uint64_t* bytes, std::string* why) {
    struct stat wanted, linked;
    if (fstatat(from_fd_, name.c_str(), &wanted, AT_SYMLINK_NOFOLLOW) != 0) return fail(why, name);
    if (!S_ISREG(wanted.st_mode)) {
      *why = "it is not a regular file";
      return false;
    }
    if (wanted.st_dev != place_->device()) errno = EXDEV;
    if (wanted.st_dev != place_->device() ||
        linkat(from_fd_, name.c_str(), to_fd_, name.c_str(), 0) != 0)
      return fail(why, name);
    if (fstatat(to_fd_, name.c_str(), &linked, AT_SYMLINK_NOFOLLOW) != 0) return fail(why, name);
    if (linked.st_dev != wanted.st_dev || linked.st_ino != wanted.st_ino ||
        !S_ISREG(linked.st_mode)) {
      unlinkat(to_fd_, name.c_str(), 0);
      *why = "another file has taken its name meanwhile";
      return false;
    }
    *bytes = static_cast<uint64_t>(linked.st_size);
    return true;
  }

 private:
  static bool fail(std::string* why, const std::string& name) {
    *why = why_not(errno);
    if (why->empty()) throw KeepError::system("unable to link " + name);
    return false;
  }

  const int from_fd_;
  KeepPlace* const place_;
  const int to_fd_;
};

// The directory `path` of the channel, and what it is like.
UniqueFd source_directory(int channel_fd, const std::string& path, struct stat* like) {
  UniqueFd fd = open_below(channel_fd, path);
  if (fd && fstat(fd.get(), like) != 0) fd.reset();
  return fd;
}

bool link_one(int channel_fd, KeepPlace* place, const std::string& base, KeptSegment* segment,
              KeptChannel* channel) {
  struct stat like;
  std::string why;
  const UniqueFd from = source_directory(channel_fd, segment->directory, &like);
  if (!from) why = why_not(errno);
  if (!from && why.empty()) throw KeepError::system("unable to open " + segment->directory);
  if (from) {
    const std::string below = segment->directory.empty() ? "" : "/" + segment->directory;
    const UniqueFd to = place->directory(base + below, like);
    Linker linker(from.get(), place, to);
    if (linker.link(segment->name, &segment->bytes, &why)) {
      const std::string index = segment->index_name();
      segment->has_index = linker.link(index, &segment->index_bytes, &why);
      struct stat status;
      if (!segment->has_index &&
          fstatat(from.get(), index.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0)
        channel->left_out.push_back({segment->index_path(), why});
      return true;
    }
  }
  channel->left_out.push_back({segment->path(), why});
  return false;
}

}  // namespace

void link_segments(int channel_fd, KeepPlace* place, KeptChannel* channel) {
  const std::string base = "channel=" + channel->name;
  struct stat like;
  if (fstat(channel_fd, &like) != 0) throw KeepError::system("unable to look at " + base);
  if (channel->segments.empty() && channel->rejected.empty()) return;
  place->directory(base, like);
  if (!channel->rejected.empty()) {
    if (const UniqueFd rejected = source_directory(channel_fd, kRejectedDirectory, &like))
      place->directory(base + "/" + kRejectedDirectory, like);
  }
  for (auto* segments : {&channel->segments, &channel->rejected}) {
    std::vector<KeptSegment> linked;
    for (KeptSegment& segment : *segments) {
      if (link_one(channel_fd, place, base, &segment, channel)) linked.push_back(segment);
    }
    *segments = std::move(linked);
  }
}

}  // namespace sdr::prune
