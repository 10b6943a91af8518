// The places that a channel works in beside its service directory: ring, counters, log, recordings.
#pragma once

#include <string>
#include <vector>

#include "tools/gen/channel_words.h"

namespace sdr {

// RUN/service, live, counters, rings, and held for its owner alone.
void make_fleet_directories(const FleetPaths& paths);

// Makes what is missing of
//   RUN/rings/NAME       0700, the channel's user's
//   RUN/counters/NAME    a file, 0644, the channel's user's; never cut
//   LOG/NAME             0755, the channel's user's, whose s6-log writes there
// and the recording directory, as make_recording_directory() does. Ownership is only changed by
// root; where the user is another one than before, what is in them follows. `values` is what the
// manifest says. Throws SystemError. Returns warnings: what the recordings lack, which is no reason
// to stop a channel.
std::vector<std::string> make_places(const std::string& name, const ChannelValues& values,
                                     const FleetPaths& paths);

// STORAGE/channel=NAME, the channel's user's and storage.group's, setgid, if STORAGE is there and,
// with storage.mount, mounted. Returns warnings.
std::vector<std::string> make_recording_directory(const std::string& name,
                                                  const ChannelValues& values);

// Takes ring and counters of a removed channel away; log and recordings stay. A ring with datums
// that no disk has taken yet stays too: false then.
bool remove_places(const std::string& name, const FleetPaths& paths);

}  // namespace sdr
