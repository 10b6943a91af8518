#include "tools/cat/mender.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tools/cat/write_all.h"

namespace sdr::cat {
namespace {

namespace fs = std::filesystem;

constexpr size_t kWriteBytes = 1 << 20;
constexpr int kKeptMax = 1000;

bool same_file(int fd, int dir_fd, const std::string& name) {
  struct stat a, b;
  return fstat(fd, &a) == 0 && fstatat(dir_fd, name.c_str(), &b, AT_SYMLINK_NOFOLLOW) == 0 &&
         a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// The relay of a channel holds its directory; the rejects are in one of their own below it.
fs::path locked_by_relay(const fs::path& directory) {
  const fs::path whole = fs::absolute(directory).lexically_normal();
  const fs::path bare = whole.has_filename() ? whole : whole.parent_path();
  return bare.filename() == "rejected" ? bare.parent_path() : bare;
}

}  // namespace

Mender::Taken Mender::take(const std::string& path, std::string* why, int* sys_errno) {
  auto failed = [&](const std::string& what, int number) {
    *why = what;
    *sys_errno = number;
    return Taken::kFailed;
  };
  const fs::path whole(path);
  directory_ = whole.has_parent_path() ? whole.parent_path() : fs::path(".");
  name_ = whole.filename();
  directory_fd_.reset(open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory_fd_) return failed("unable to open " + directory_, errno);
  // What a relay has not finished yet has a name with a dot.
  if (name_.starts_with('.')) {
    relay_lock_.reset(open(locked_by_relay(directory_).c_str(), O_RDONLY | O_CLOEXEC));
    if (relay_lock_ && flock(relay_lock_.get(), LOCK_EX | LOCK_NB) < 0) {
      if (errno == EWOULDBLOCK) return Taken::kInUse;
      return failed("unable to lock " + directory_, errno);
    }
  }
  fd_.reset(
      openat(directory_fd_.get(), name_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat status;
  if (!fd_ && errno == ELOOP) return failed("a symbolic link: name the file itself", 0);
  if (!fd_ || fstat(fd_.get(), &status) < 0) return failed("unable to open it", errno);
  if (!S_ISREG(status.st_mode)) return failed("not a regular file", 0);
  if (flock(fd_.get(), LOCK_EX | LOCK_NB) < 0)
    return failed("unable to lock it: is another sdr-cat at it?", errno);
  return Taken::kYes;
}

UniqueFd Mender::reader_fd() const {
  lseek(fd_.get(), 0, SEEK_SET);
  return UniqueFd(fcntl(fd_.get(), F_DUPFD_CLOEXEC, 3));
}

bool Mender::write_new(SegmentReader* reader, IndexMender* index, int fd, std::string* why) {
  std::string text(reader->header());
  uint64_t bytes = text.size();
  for (;;) {
    const Found found = reader->next();
    if (found.event == Event::kError) {
      errno = found.sys_errno;
      *why = "unable to read it";
      return false;
    }
    if (found.event == Event::kBlock) {
      const uint8_t* const end = found.block.data.data() + found.block.data.size() + kSyncBytes;
      text.append(reinterpret_cast<const char*>(end - found.block.size), found.block.size);
      index->keep(static_cast<uint64_t>(found.offset), bytes,
                  static_cast<uint64_t>(found.block.datums));
      bytes += found.block.size;
    }
    if (found.event == Event::kDamage) index->lose(static_cast<uint64_t>(found.size));
    const bool last = found.event == Event::kEnd || found.event == Event::kTail;
    if (text.size() < kWriteBytes && !last) continue;
    *why = "unable to write the new file";
    if (!write_all(fd, text)) return false;
    text.clear();
    if (last) break;
  }
  struct stat status;
  if (fstat(fd_.get(), &status) < 0) return false;
  const timespec times[2] = {status.st_atim, status.st_mtim};
  *why = "unable to give the new file the old one's owner";
  if (fchown(fd, status.st_uid, status.st_gid) < 0 && geteuid() == 0) return false;
  *why = "unable to finish the new file";
  return fchmod(fd, status.st_mode & 07777) == 0 && futimens(fd, times) == 0 && fsync(fd) == 0 &&
         index->finish(bytes, why);
}

// Gives the damaged file its second name: the first that is free, or that it has already.
bool Mender::keep_old(std::string* kept, std::string* why) {
  const int dir_fd = directory_fd_.get();
  for (int number = 1; number <= kKeptMax; ++number) {
    *kept = name_ + ".damaged" + (number > 1 ? "." + std::to_string(number) : "");
    if (linkat(dir_fd, name_.c_str(), dir_fd, kept->c_str(), 0) == 0) return true;
    const int failed = errno;
    if (faccessat(dir_fd, kept->c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
      if (same_file(fd_.get(), dir_fd, *kept)) return true;
      continue;
    }
    // No hard links here, or not for this user: then there is a moment without FILE.
    errno = failed;
    const bool unlinkable = failed == EPERM || failed == EOPNOTSUPP || failed == EMLINK;
    if (unlinkable && renameat(dir_fd, name_.c_str(), dir_fd, kept->c_str()) == 0) return true;
    break;
  }
  *why = "unable to keep the damaged file as " + *kept;
  return false;
}

std::string Mender::mend(SegmentReader* reader, IndexMender* index, std::string* why,
                         int* sys_errno) {
  const std::string temporary = "." + name_ + ".mending";
  const int dir_fd = directory_fd_.get();
  unlinkat(dir_fd, temporary.c_str(), 0);
  UniqueFd fd(openat(dir_fd, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  *why = "unable to make a new file in " + directory_;
  std::string kept;
  bool good = fd && write_new(reader, index, fd.get(), why) && keep_old(&kept, why);
  if (good) {
    *why = "unable to put the new file in place of the damaged one, which is now " + kept;
    good = renameat(dir_fd, temporary.c_str(), dir_fd, name_.c_str()) == 0;
    if (good) *why = "unable to sync " + directory_;
    good = good && fsync(dir_fd) == 0;
  }
  *sys_errno = errno;
  if (good) return (fs::path(directory_) / kept).string();
  unlinkat(dir_fd, temporary.c_str(), 0);
  return "";
}

}  // namespace sdr::cat
