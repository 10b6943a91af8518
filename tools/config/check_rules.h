// The rules that no single key can break alone: within one channel, and between channels.
#pragma once

#include <string>
#include <vector>

#include "tools/config/config.h"
#include "tools/config/diagnostic.h"

namespace sdr {

constexpr size_t kChannelsMax = 4096;

// Where `key` of the channel was written, or the channel itself where it was not.
Place place_of(const Channel& channel, const std::string& key);

// Required keys, a channel without output, families of addresses that do not go together, feeding
// itself, memory smaller than what it must hold, retention that one segment would exceed.
// `defaults` is what stands in [defaults]; null where that could not be read: then nothing is said
// of keys that are not there.
void check_channel(const Channel& channel, const Channel* defaults, Findings* findings);

// `sequence`, `decimated` and `record.receive_time` against the fields of the channel's schema,
// which must be compiled.
void check_fields(const Channel& channel, Findings* findings);

// One stream of a channel, with the key it comes from: "full_rate", "decimated[0].to".
struct StreamRef {
  const Channel* channel;
  const Endpoint* to;
  std::string key;
};
std::vector<StreamRef> streams_of(const Channel& channel);

// Ports and groups that clash between enabled channels, and channels that feed each other in a
// circle. `channels` in the order of the files: of two that clash, the second is reported.
void check_between_channels(const std::vector<const Channel*>& channels, Findings* findings);

}  // namespace sdr
