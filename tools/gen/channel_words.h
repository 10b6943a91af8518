// A channel as its processes get it: the command lines of sdr-relay and sdr-confine, and as key =
// value text.
#pragma once

#include <map>
#include <string>

#include "tools/gen/config.h"
#include "tools/gen/template.h"

namespace sdr {

// Where a fleet lives. Absolute paths without a trailing slash.
struct FleetPaths {
  std::string run;  // RUN
  std::string log;
  std::string bin;
};

// All options of sdr-relay but --ready-fd, each with its value a group. Relative paths start at the
// service directory.
WordGroups relay_words(const Channel& channel, const Storage& storage, const FleetPaths& paths);

// Options of sdr-confine before --keep-fd, for the relay and for its logger.
WordGroups confine_words(const Channel& channel);
WordGroups log_confine_words(const Channel& channel);

// STORAGE/channel=NAME
std::string recording_directory(const Channel& channel, const Storage& storage);

// Everything of the config that makes this channel what it is, by key ("ttl", "record.sync",
// "storage.path"), in base units, and where the fleet lives ("--run"): two channels with the same
// values are rendered alike by one sdr-gen.
using ChannelValues = std::map<std::string, std::string>;
ChannelValues channel_values(const Channel& channel, const Storage& storage,
                             const FleetPaths& paths);

}  // namespace sdr
