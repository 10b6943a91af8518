// What sdr-cat says about a file: its tally, and each trouble in one line.
#pragma once

#include <cstdint>
#include <string>

#include "relay/format/layout.h"
#include "tools/lib/time_text.h"
#include "tools/recording/damage_text.h"
#include "tools/recording/segment_reader.h"
#include "tools/recording/tally.h"

namespace sdr::cat {
using namespace recording;

// What --check prints of a file behind its name: "17 datums, 2 blocks, 4096 bytes, started …: ok".
std::string check_text(const Tally& tally, bool utc);

}  // namespace sdr::cat
