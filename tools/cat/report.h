// What sdr-cat says about a file: its tally, and each trouble in one line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "relay/format/layout.h"
#include "tools/lib/time_text.h"
#include "tools/recording/segment_reader.h"
#include "tools/recording/tally.h"

namespace sdr::cat {
using namespace recording;

// "bytes 100 to 220 are lost (120 bytes, no sound block)".
std::string damage_text(const Found& found);

// "datum 3 of 17 in the block at offset 4096 is unreadable (enum): 15 datums are lost".
std::string datum_text(const Found& found, int64_t index, const char* reason);

// What --check prints of a file behind its name: "17 datums, 2 blocks, 4096 bytes, started …: ok".
std::string check_text(const Tally& tally, bool utc);

// What a file says of itself, fit for a terminal: printable ASCII, not too long.
std::string printable(std::string_view text);

}  // namespace sdr::cat
