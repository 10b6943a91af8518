#include "tools/prune/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <system_error>

#include "relay/dir.h"
#include "relay/format/segment_name.h"
#include "relay/index_mend.h"
#include "relay/segment_dir.h"
#include "tools/recording/segment_reader.h"

namespace sdr::prune {
namespace {

constexpr std::string_view kDataSuffix = ".avro";
constexpr std::string_view kIndexSuffixText = ".index";
constexpr uint64_t kBlockBytes = 512;  // of st_blocks
constexpr size_t kWindowBytes = 16 << 10;

int64_t microseconds(const timespec& time) {
  return int64_t{time.tv_sec} * 1000000 + time.tv_nsec / 1000;
}

FoundFile found_file(const struct stat& status) {
  return {.is_there = true,
          .inode = status.st_ino,
          .bytes = static_cast<uint64_t>(status.st_size),
          .freed_bytes =
              status.st_nlink > 1 ? 0 : static_cast<uint64_t>(status.st_blocks) * kBlockBytes,
          .written_us = microseconds(status.st_mtim)};
}

// The start of the segment that `name` is the data or the index of; -1: neither.
int64_t parse_name(std::string_view channel, std::string_view name, bool* is_index) {
  *is_index = name.ends_with(kIndexSuffixText);
  if (!*is_index) return parse_segment_name(channel, name);
  std::string data(name.substr(0, name.size() - kIndexSuffixText.size()));
  return parse_segment_name(channel, data += kDataSuffix);
}

std::string why_left(int sys_errno) {
  if (sys_errno == ELOOP || sys_errno == ENOTDIR)
    return " is no directory but a link or a file, and is left alone";
  if (sys_errno == EXDEV) return " is on another file system, and is left alone";
  return std::string(": unable to read: ") + strerror(sys_errno);
}

class ChannelReader {
 public:
  ChannelReader(UniqueFd fd, uint64_t device, FoundChannel* channel, std::vector<Finding>* findings)
      : fd_(std::move(fd)), device_(device), channel_(channel), findings_(findings) {}

  void read() {
    struct stat status;
    if (fstat(fd_.get(), &status) == 0) channel_->inode = status.st_ino;
    look_at_open();
    std::vector<std::string> days;
    visit(fd_.get(), "", [&](const std::string& name) {
      if (parse_date_dir(name) >= 0) days.push_back(name);
      if (name.starts_with(kTornPrefix)) look_at_torn(fd_.get(), name, true);
      channel_->is_mending =
          channel_->is_mending || name == kMendingSegment || name == kMendingIndex;
    });
    for (const std::string& day : days) read_day(day);
    std::sort(channel_->days.begin(), channel_->days.end(),
              [](const FoundDay& a, const FoundDay& b) { return a.start_us < b.start_us; });
    read_rejected();
    std::stable_sort(
        channel_->segments.begin(), channel_->segments.end(),
        [](const FoundSegment& a, const FoundSegment& b) { return a.start_us < b.start_us; });
    for (const auto& [inode, bytes] : unsealed_) channel_->unsealed_bytes += bytes;
  }

 private:
  void trouble(const std::string& below, const std::string& what) {
    const std::string where = below.empty() ? channel_directory(channel_->name) : below;
    findings_->push_back({Finding::Kind::kTrouble, channel_->name, where + what});
  }
  void cannot(const std::string& below) {
    if (errno != ENOENT) trouble(below, why_left(errno));
  }

  template <typename Visit>
  void visit(int dir_fd, const std::string& below, Visit each) {
    Status read = for_each_name(dir_fd, [&](const char* name) { each(std::string(name)); });
    if (read) return;
    errno = read.error().sys_errno;
    cannot(below);
  }

  // Before the sealed ones are listed: one that is sealed meanwhile is then known by its inode.
  void look_at_open() {
    struct stat status;
    if (fstatat(fd_.get(), kOpenSegment, &status, AT_SYMLINK_NOFOLLOW) != 0) {
      channel_->is_open_known = errno == ENOENT;
      return;
    }
    channel_->is_open_known = false;
    if (!S_ISREG(status.st_mode)) return;
    unsealed_[status.st_ino] = static_cast<uint64_t>(status.st_size);
    UniqueFd open(openat(fd_.get(), kOpenSegment, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!open) return;
    std::string why;
    recording::SegmentReader reader(std::move(open), true, kWindowBytes);
    if (reader.read_header(&why) != recording::SegmentReader::Header::kOk) return;
    channel_->open_start_us = parse_iso_time(reader.metadata("sdr.started"));
    channel_->is_open_known = channel_->open_start_us >= 0;
  }

  void look_at_torn(int dir_fd, const std::string& name, bool has_index) {
    const int64_t start_us =
        parse_stamp(std::string_view(name).substr(std::string_view(kTornPrefix).size()));
    struct stat status;
    if (start_us < 0) return;
    if (has_index) channel_->torn_us.push_back(start_us);
    if (fstatat(dir_fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode))
      unsealed_[status.st_ino] = static_cast<uint64_t>(status.st_size);
  }

  // `day_us`: of the names that belong there; -1: any.
  uint64_t read_segments(int dir_fd, const std::string& below, bool is_rejected, int64_t day_us) {
    std::map<int64_t, FoundSegment> found;
    uint64_t entries = 0;
    uint64_t strange = 0;
    std::string first;
    visit(dir_fd, below, [&](const std::string& name) {
      ++entries;
      bool is_index;
      const int64_t start_us = parse_name(channel_->name, name, &is_index);
      if (start_us < 0 || (is_index && is_rejected)) return;
      if (day_us >= 0 && start_us - start_us % kDayUs != day_us) return;
      struct stat status;
      if (fstatat(dir_fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return;
      if (!S_ISREG(status.st_mode)) {
        if (strange++ == 0 || name < first) first = name;
        return;
      }
      FoundSegment& segment = found[start_us];
      segment.start_us = start_us;
      segment.is_rejected = is_rejected;
      (is_index ? segment.index : segment.data) = found_file(status);
      if (!is_index) unsealed_.erase(status.st_ino);
    });
    if (strange > 0)
      trouble(below + "/" + first,
              (strange == 1 ? " is called like ours but no regular file"
                            : " and " + std::to_string(strange - 1) +
                                  " more are called like ours but no regular files") +
                  std::string(", and left alone"));
    for (const auto& [start_us, segment] : found) channel_->segments.push_back(segment);
    return entries;
  }

  void read_day(const std::string& name) {
    const UniqueFd fd = open_directory(fd_.get(), name, device_);
    struct stat status;
    if (!fd || fstat(fd.get(), &status) != 0) return cannot(name);
    const int64_t day_us = parse_date_dir(name);
    const uint64_t entries = read_segments(fd.get(), name, false, day_us);
    channel_->days.push_back({day_us, status.st_ino, entries, microseconds(status.st_mtim)});
  }

  void read_rejected() {
    const UniqueFd fd = open_directory(fd_.get(), kRejectedDir, device_);
    struct stat status;
    if (!fd || fstat(fd.get(), &status) != 0) return cannot(kRejectedDir);
    channel_->rejected_inode = status.st_ino;
    if (fstatat(fd.get(), kOpenSegment, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(status.st_mode))
      unsealed_[status.st_ino] = static_cast<uint64_t>(status.st_size);
    visit(fd.get(), kRejectedDir, [&](const std::string& name) {
      if (name.starts_with(kTornPrefix)) look_at_torn(fd.get(), name, false);
    });
    read_segments(fd.get(), kRejectedDir, true, -1);
  }

  UniqueFd fd_;
  uint64_t device_;
  FoundChannel* channel_;
  std::vector<Finding>* findings_;
  std::map<uint64_t, uint64_t> unsealed_;  // bytes by inode
};

}  // namespace

Tree read_tree(int storage_fd, const std::vector<std::string>& only) {
  Tree tree;
  struct stat status;
  if (fstat(storage_fd, &status) != 0)
    throw std::system_error(errno, std::generic_category(), "unable to look at it");
  tree.device = status.st_dev;
  Status read = for_each_name(storage_fd, [&](const char* entry) {
    const std::string_view name = entry;
    if (!name.starts_with(kChannelDirPrefix)) return;
    const std::string channel(name.substr(kChannelDirPrefix.size()));
    if (is_channel_name(channel) &&
        (only.empty() || std::find(only.begin(), only.end(), channel) != only.end()))
      tree.channels.push_back({.name = channel});
  });
  if (!read)
    throw std::system_error(read.error().sys_errno, std::generic_category(), read.error().what);
  std::sort(tree.channels.begin(), tree.channels.end(),
            [](const FoundChannel& a, const FoundChannel& b) { return a.name < b.name; });
  std::erase_if(tree.channels, [&](FoundChannel& channel) {
    const std::string directory = channel_directory(channel.name);
    UniqueFd fd = open_directory(storage_fd, directory, tree.device);
    if (fd) {
      ChannelReader(std::move(fd), tree.device, &channel, &tree.findings).read();
      return false;
    }
    if (errno == ENOENT) return true;
    tree.findings.push_back({Finding::Kind::kTrouble, channel.name, directory + why_left(errno)});
    return true;
  });
  return tree;
}

}  // namespace sdr::prune
