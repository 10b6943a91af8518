// What stands below the storage path, as retention sees it: names of ours, and nothing else.
//
// Others may write there: no symbolic link is followed, no other file system is entered, and what
// is called like a segment and is no regular file is left alone. So are kept/ and everything else
// that is not channel=NAME.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "relay/fd.h"

namespace sdr::prune {

constexpr std::string_view kChannelDirPrefix = "channel=";
constexpr char kRejectedDir[] = "rejected";
constexpr int64_t kDayUs = 86400ll * 1000000;

struct FoundFile {
  bool is_there = false;
  uint64_t inode = 0;
  uint64_t bytes = 0;        // its length
  uint64_t freed_bytes = 0;  // what the disk gets back with this name: nothing where it has others
  int64_t written_us = 0;
};

// A sealed segment with its index, or one of the two.
struct FoundSegment {
  int64_t start_us = 0;
  bool is_rejected = false;
  FoundFile data = {};
  FoundFile index = {};

  uint64_t bytes() const { return data.bytes + index.bytes; }
  uint64_t freed_bytes() const { return data.freed_bytes + index.freed_bytes; }
};

// A date= directory.
struct FoundDay {
  int64_t start_us = 0;
  uint64_t inode = 0;
  uint64_t entries = 0;  // of any name
  int64_t changed_us = 0;
};

struct FoundChannel {
  std::string name;
  uint64_t inode = 0;
  std::vector<FoundSegment> segments = {};  // by start, those of datums before rejected ones
  std::vector<FoundDay> days = {};          // by day
  uint64_t rejected_inode = 0;
  uint64_t unsealed_bytes = 0;  // what is written to, or waits for its repair
  // What an index without a segment may belong to.
  bool is_open_known = true;  // false: something is open, and its header cannot be read
  int64_t open_start_us = -1;
  std::vector<int64_t> torn_us = {};
  bool is_mending = false;
};

// Something to be told.
struct Finding {
  enum class Kind : uint8_t { kNote, kTrouble };
  Kind kind;
  std::string channel;  // that it is about, or empty
  std::string text;
};

struct Tree {
  uint64_t device = 0;
  std::vector<FoundChannel> channels = {};  // by name
  std::vector<Finding> findings = {};
};

// The names in a channel's directory.
std::string channel_directory(std::string_view channel);
std::string directory_of(const FoundSegment& segment);  // "date=2026-11-22", "rejected"
std::string segment_name_of(std::string_view channel, const FoundSegment& segment);
std::string index_name_of(std::string_view channel, const FoundSegment& segment);

// Directory `name` in `parent_fd`: no link, and on the same mount; empty: errno, which is EXDEV
// where it is on another file system than `device`.
UniqueFd open_directory(int parent_fd, const std::string& name, uint64_t device);

// Reads all channels, or those of `only`. Throws std::system_error where the storage itself cannot
// be read.
Tree read_tree(int storage_fd, const std::vector<std::string>& only);

}  // namespace sdr::prune
