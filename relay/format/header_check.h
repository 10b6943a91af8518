// The check of a segment's header, for headers are trusted with everything: schema, sync marker.
//
// A damaged schema may still be a schema, and with a damaged sync marker every block looks bad. So
// the last metadata pair of a segment's header is "sdr.check": 40 hex digits, the file's own sync
// marker and then the CRC-32 (IEEE 802.3, as zlib's) of all the header's bytes before those last 8
// digits. Behind the digits there is nothing but the end of the map and the marker. A program that
// copies metadata to a file of its own copies the pair to another marker: that is not damage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "relay/format/ocf.h"

namespace sdr {

constexpr std::string_view kHeaderCheckKey = "sdr.check";
constexpr size_t kHeaderCheckBytes = 2 * kSyncBytes + 8;

uint32_t crc32(std::span<const uint8_t> bytes);

// The pair's value as it is put into the header, which must be its last pair …
void begin_header_check(const uint8_t sync[kSyncBytes], char value[kHeaderCheckBytes]);
// … and what makes the header that was put, at its exact size, whole.
void end_header_check(std::span<uint8_t> header);

enum class HeaderCheck : uint8_t {
  kNone,  // no check of this file's
  kGood,
  kBad,
};
// `header` is at its exact size, and parse_ocf_header took it.
HeaderCheck check_header(std::span<const uint8_t> header);

}  // namespace sdr
