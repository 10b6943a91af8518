// The names in an output directory: which times are taken, and how a file comes by its final name.
//
//   .open           the segment being written
//   .torn-STAMP     one that was left open, waiting for its repair (repair.h); STAMP is its start
//   .mending        what the repair of one writes
//   .broken-STAMP   what nothing can be done with; set aside at STAMP, never touched again
// Sealed names are in format/segment_name.h. Only the one writer that holds the channel's directory
// makes names in it.
#pragma once

#include <stdint.h>

#include <string_view>

#include "relay/fd.h"
#include "relay/format/result.h"
#include "relay/format/segment_name.h"

namespace sdr {

constexpr char kOpenSegment[] = ".open";
constexpr char kMendingSegment[] = ".mending";
constexpr char kTornPrefix[] = ".torn-";
constexpr char kBrokenPrefix[] = ".broken-";
constexpr size_t kAsideNameBytesMax = sizeof kBrokenPrefix + kStampBytes;

struct SegmentNaming {
  std::string_view channel;
  uint32_t mode = 0640;  // of the files
  bool dated = true;     // sealed segments stand in date= directories
};

// The directory that a sealed name of this time stands in, made if need be: `dir_fd`, or a day's,
// which is kept open in *day.
Result<int> directory_of(int dir_fd, const SegmentNaming& naming, int64_t start_us, UniqueFd* day);

// The directory and the name of the index of a segment that begins then; the same of *day.
Result<int> place_of_index(int dir_fd, const SegmentNaming& naming, int64_t start_us, UniqueFd* day,
                           char name[kIndexNameBytesMax]);

// The newest start, not after `until_us`, that a name stands for, sealed or torn; -1: none.
int64_t newest_start(int dir_fd, const SegmentNaming& naming, int64_t until_us);

// The name of the oldest torn segment, and its start; empty, and -1, where there is none.
int64_t find_torn(int dir_fd, char name[kAsideNameBytesMax]);

// Gives `name` its final name, the first free one from *start_us on, and takes the old one away.
// Killed anywhere in between and called again, it leaves the file under one name.
Status seal_name(int dir_fd, const SegmentNaming& naming, const char* name, int64_t* start_us);

// The start under which file `name` has a final name already, one that seal_name() gives from
// `start_us` on; -1: it has none.
int64_t final_start(int dir_fd, const SegmentNaming& naming, const char* name, int64_t start_us);

// Renames `name` to `prefix` and a stamp, the first free one from `time_us` on; *aside is the name.
Status set_aside(int dir_fd, const char* name, const char* prefix, int64_t time_us,
                 char aside[kAsideNameBytesMax]);

}  // namespace sdr
