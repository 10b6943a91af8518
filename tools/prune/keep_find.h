// Which files of a channel belong to a range of time.
//
// Others may write in these directories: names are exact, no symbolic link is followed, and what is
// opened is a regular file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "relay/fd.h"
#include "tools/prune/keep.h"

namespace sdr::prune {

// The channels that have a directory in `storage_fd`, by name.
std::vector<std::string> list_channels(int storage_fd);

// A directory, "." or "a/b", below `dir_fd`; no component may be a link. Empty: errno.
UniqueFd open_below(int dir_fd, const std::string& path);
// A regular file to read; empty: errno, EINVAL for what is none.
UniqueFd open_regular(int dir_fd, const std::string& name);

// Fills in the segments, the rejected ones and what is left out already: segments that a relay has
// still to mend. What is open is not looked at.
void find_segments(int channel_fd, const recording::TimeRange& range, KeptChannel* channel);

// Whether the open segment of a channel, or (rejected) that of its rejected datagrams, may hold
// something of the range.
struct OpenSegment {
  bool is_there = false;
  bool may_hold = false;
  int64_t start_us = -1;  // -1: its header cannot be read
};
OpenSegment look_at_open(int channel_fd, std::string_view channel, bool rejected,
                         const recording::TimeRange& range);

// The start of the channel's newest sealed segment; -1: there is none.
int64_t newest_segment(int channel_fd, std::string_view channel);

}  // namespace sdr::prune
