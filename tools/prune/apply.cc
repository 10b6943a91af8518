#include "tools/prune/apply.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <utility>

namespace sdr::prune {
namespace {

constexpr size_t kOpenDirectoriesMax = 256;

Outcome failed(int sys_errno) { return {Outcome::Kind::kFailed, sys_errno}; }
Outcome gone(int sys_errno) {
  return sys_errno == ENOENT ? Outcome{Outcome::Kind::kVanished} : failed(sys_errno);
}

class Applier {
 public:
  Applier(int storage_fd, const Tree& tree, bool dry_run)
      : storage_fd_(storage_fd), tree_(tree), dry_run_(dry_run) {}

  Outcome remove_segment(const FoundChannel& channel, const FoundSegment& segment) {
    close_some();
    const std::string directory = directory_of(segment);
    const int fd = directory_fd(channel, directory, inode_of(channel, segment));
    if (fd < 0) return directory_outcome();
    const std::string name = segment_name_of(channel.name, segment);
    struct stat status;
    if (segment.data.is_there) {
      const Outcome outcome = remove_file(fd, name, segment.data);
      if (outcome.kind != Outcome::Kind::kDone || !segment.index.is_there) return outcome;
    } else if (fstatat(fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
      return {Outcome::Kind::kChanged};  // there is a segment to the index, after all
    }
    Outcome outcome = remove_file(fd, index_name_of(channel.name, segment), segment.index);
    if (!segment.data.is_there) return outcome;
    // It may be gone, or be mended: an index is nothing without its segment.
    if (outcome.kind != Outcome::Kind::kFailed) outcome = {Outcome::Kind::kDone};
    outcome.is_index = outcome.kind == Outcome::Kind::kFailed;
    return outcome;
  }

  Outcome remove_day(const FoundChannel& channel, const FoundDay& day) {
    const std::string name = directory_of({.start_us = day.start_us});
    close_some();
    if (directory_fd(channel, name, day.inode) < 0) return directory_outcome();
    const int parent = directory_fd(channel, "", channel.inode);
    if (parent < 0) return directory_outcome();
    if (dry_run_ || unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0)
      return {Outcome::Kind::kDone};
    if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR) return {Outcome::Kind::kChanged};
    return gone(errno);
  }

 private:
  static uint64_t inode_of(const FoundChannel& channel, const FoundSegment& segment) {
    if (segment.is_rejected) return channel.rejected_inode;
    const int64_t day_us = segment.start_us - segment.start_us % kDayUs;
    const auto day = std::lower_bound(
        channel.days.begin(), channel.days.end(), day_us,
        [](const FoundDay& one, int64_t start_us) { return one.start_us < start_us; });
    return day != channel.days.end() && day->start_us == day_us ? day->inode : 0;
  }

  void close_some() {
    if (open_.size() >= kOpenDirectoriesMax) open_.clear();
  }

  Outcome remove_file(int dir_fd, const std::string& name, const FoundFile& file) {
    struct stat status;
    if (fstatat(dir_fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return gone(errno);
    if (!S_ISREG(status.st_mode) || status.st_dev != tree_.device || status.st_ino != file.inode ||
        static_cast<uint64_t>(status.st_size) != file.bytes)
      return {Outcome::Kind::kChanged};
    if (dry_run_ || unlinkat(dir_fd, name.c_str(), 0) == 0) return {Outcome::Kind::kDone};
    return gone(errno);
  }

  // The channel's directory, or `name` in it; -1: errno. It is kept open for the next one, who
  // looks whether it is where it was: what is being moved away is not deleted from there.
  int directory_fd(const FoundChannel& channel, const std::string& name, uint64_t inode) {
    const int parent = name.empty() ? storage_fd_ : directory_fd(channel, "", channel.inode);
    if (parent < 0) return -1;
    const std::string entry = name.empty() ? channel_directory(channel.name) : name;
    const std::pair<std::string, std::string> key(channel.name, name);
    struct stat status;
    const auto known = open_.find(key);
    if (known != open_.end()) {
      if (fstatat(parent, entry.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return -1;
      if (status.st_ino == inode && status.st_dev == tree_.device) return known->second.get();
      errno = EXDEV;
      return -1;
    }
    UniqueFd fd = open_directory(parent, entry, tree_.device);
    if (!fd || fstat(fd.get(), &status) != 0) return -1;
    if (status.st_ino == inode) return open_.emplace(key, std::move(fd)).first->second.get();
    errno = EXDEV;
    return -1;
  }

  static Outcome directory_outcome() {
    if (errno == ELOOP || errno == ENOTDIR || errno == EXDEV) return {Outcome::Kind::kChanged};
    return gone(errno);
  }

  int storage_fd_;
  const Tree& tree_;
  bool dry_run_;
  std::map<std::pair<std::string, std::string>, UniqueFd> open_;
};

}  // namespace

Applied apply_plan(int storage_fd, const Tree& tree, const Plan& plan, bool dry_run,
                   const std::function<bool()>& is_stopped) {
  Applied applied;
  applied.deletions.resize(plan.deletions.size());
  applied.empty_days.resize(plan.empty_days.size());
  Applier applier(storage_fd, tree, dry_run);
  for (size_t i = 0; i < plan.deletions.size(); ++i) {
    if (is_stopped()) return applied;
    const FoundChannel& channel = tree.channels[plan.deletions[i].channel];
    applied.deletions[i] =
        applier.remove_segment(channel, channel.segments[plan.deletions[i].segment]);
  }
  for (size_t i = 0; i < plan.empty_days.size(); ++i) {
    if (is_stopped()) return applied;
    const FoundChannel& channel = tree.channels[plan.empty_days[i].channel];
    applied.empty_days[i] = applier.remove_day(channel, channel.days[plan.empty_days[i].day]);
  }
  return applied;
}

}  // namespace sdr::prune
