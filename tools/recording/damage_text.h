// What is damaged in a segment, in words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tools/recording/segment_reader.h"

namespace sdr::recording {

// "bytes 100 to 220 are lost (120 bytes, no sound block)".
std::string damage_text(const Found& found);

// "datum 3 of 17 in the block at offset 4096 is unreadable (enum): 15 datums are lost".
std::string datum_text(const Found& found, int64_t index, const char* reason);

// What a file says of itself, fit for a terminal: printable ASCII, not too long.
std::string printable(std::string_view text);

// Whether the header is not as a relay wrote it. A file that a relay has not sealed is by nobody
// else: it has a check. In other files one may be missing, or be another file's of which the
// metadata were copied.
bool is_header_damaged(const std::string& path, const SegmentReader& reader);

}  // namespace sdr::recording
