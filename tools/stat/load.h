// What a channel brings per second: as it comes in now, or as it came when it was last recorded.
#pragma once

#include <cstdint>
#include <string>

#include "tools/config/config.h"
#include "tools/stat/view.h"

namespace sdr::status {

struct Load {
  double datums_per_s = 0;
  double bytes_per_s = 0;  // of the datums

  bool is_known() const { return datums_per_s > 0; }
};

// Between the two readings of a view; none where there is only one.
Load live_load(const View& view);

// By the last sealed segments of the channel below the storage path `storage`, which are read from
// their indexes: the busiest of them. None where there are none that say when they were received.
Load recorded_load(const std::string& storage, const std::string& channel);

// What the recorder writes of it, per second.
double recorded_bytes_per_s(const Channel& channel, const Load& load);

// What a stream takes of an Ethernet link, in bits per second, with all that frames a datagram.
// `decimated` null: the full-rate stream.
double stream_bits_per_s(const Endpoint& to, const DecimatedStream* decimated, const Load& load);

}  // namespace sdr::status
