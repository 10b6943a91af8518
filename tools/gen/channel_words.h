// A channel as its processes get it: the command lines of sdr-relay and sdr-confine, and as key =
// value text.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "tools/config/config.h"
#include "tools/gen/options.h"
#include "tools/gen/template.h"
#include "tools/lib/cgroup.h"

namespace sdr {

// Where a fleet lives. Absolute paths without a trailing slash.
struct FleetPaths {
  std::string run;  // RUN
  std::string log;
  std::string bin;
  std::string state;     // what outlives a reboot
  std::string scan_dir;  // RUN/service, or the one of somebody else
  std::string prefix;    // of our entries there
  Target target = Target::kS6;

  std::string cgroup() const;  // "speeddata"; another RUN has another one
  bool shares_scan_dir() const { return scan_dir != run + "/service"; }
};

// Names and sockets of the services that hold the channels' receive sockets.
inline constexpr std::string_view kHolderNames[] = {"fdholder", "fdholder2"};
std::string holder_socket(const FleetPaths& paths, std::string_view holder);

// All options of sdr-relay but --ready-fd, each with its value a group. Relative paths start at the
// service directory.
WordGroups relay_words(const Channel& channel, const Storage& storage, const FleetPaths& paths);

// Options of sdr-confine before --keep-fd, for the relay and for its logger. `held`: there are
// holders to park the receive socket with.
WordGroups confine_words(const Channel& channel, const FleetPaths& paths, bool held);
WordGroups log_confine_words(const Channel& channel);

// Those that can change while the channel runs: its cgroup's limits, and the options of s6-svperms
// for the group of operators, or for none.
WordGroups limit_words(const Channel& channel);
std::vector<std::string> operator_words(const std::string& group);

// "speeddata/channel.engine", as sdr-confine --cgroup takes it.
std::string cgroup_of(const std::string& name, const FleetPaths& paths);
std::string loggers_cgroup(const FleetPaths& paths);

// STORAGE/channel=NAME
std::string recording_directory(const Channel& channel, const Storage& storage);

// Everything of the config that makes this channel what it is, by key ("ttl", "record.sync",
// "storage.path"), in base units, and where the fleet lives ("--run"): two channels with the same
// values are rendered alike by one sdr-gen.
using ChannelValues = std::map<std::string, std::string>;
ChannelValues channel_values(const Channel& channel, const Storage& storage,
                             const FleetPaths& paths);

// The same of a service that holds sockets.
ChannelValues holder_values(const FleetPaths& paths);

// What limit_words() says, from the values.
CgroupLimits limits_of(const ChannelValues& values);

// The id that a channel's receive socket is held under, from its values; empty for a holder.
std::string hold_id_of(const ChannelValues& values);

}  // namespace sdr
