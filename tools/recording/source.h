// What there is to read: files, directories of segments, and channels by name.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "relay/fd.h"
#include "tools/config/in_force.h"
#include "tools/recording/moment.h"
#include "tools/recording/segment_reader.h"

namespace sdr::recording {

struct Segment {
  std::string path;   // "-" for standard input
  bool open = false;  // still being written: `.open`
  UniqueFd fd;        // opened already, or empty
};

// One argument and its segments, in the order of their start.
struct Source {
  std::string name;
  std::vector<Segment> segments;
  std::string directory = {};  // of the channel, where it is one's by name …
  std::string channel = {};    // … which this is
  std::string error;           // why there are none, or empty
  int exit_code = 0;           // that goes with it
};

// What is looked for.
struct Wanted {
  ConfigPlace place;
  bool rejected = false;  // of channels, the datagrams that were no datums
  bool files = true;      // files by their paths are taken too
  TimeRange range = {};
};

// Finds out what `input` is. "-" is standard input; what is not a channel name ("a/b", "x.avro",
// "channel=engine") is a path; a channel name is a channel where the storage path has recordings of
// it, else a path where there is one.
Source find_source(const std::string& input, const Wanted& wanted);

// The segments in `directory` and in its date=… directories by name, then the open one. Only names
// of `channel`'s segments count, or any *.avro where it is empty. The open segment is opened before
// the rest is listed, so that one which is sealed meanwhile is neither missed nor read twice.
std::vector<Segment> list_segments(const std::string& directory, std::string_view channel,
                                   std::string* error);

// The header of a segment, read; null where it cannot be. A recovered segment (kRecoveredKey) lies
// between the times of others.
std::unique_ptr<SegmentReader> read_header_of(const Segment& segment);

// Leaves out those of a channel's segments that by their names hold nothing of the range.
void choose_by_name(std::string_view channel, const TimeRange& range,
                    std::vector<Segment>* segments);

}  // namespace sdr::recording
