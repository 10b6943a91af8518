// Names of recordings below the storage path:
//
//   channel=NAME/.open                                                 the segment being written
//   channel=NAME/date=YYYY-MM-DD/NAME_YYYYMMDDTHHMMSS.ffffffZ.avro     sealed; the time is its
//   start, UTC channel=NAME/rejected/.open, rejected/NAME_….avro                  datagrams that
//   were not datums
//
// The fixed width makes names sort by time. Years 1970 to 9999.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sdr {

constexpr size_t kChannelNameBytesMax = 63;
constexpr size_t kStampBytes = 23;    // "20261122T201500.000000Z"
constexpr size_t kDateDirBytes = 15;  // "date=2026-11-22"
constexpr size_t kSegmentNameBytesMax = kChannelNameBytesMax + 1 + kStampBytes + 5 + 1;

// All of these write a NUL-terminated text and return its length without the NUL. `time_us` is
// since the epoch.
size_t put_stamp(int64_t time_us, char out[kStampBytes + 1]);
size_t put_date_dir(int64_t time_us, char out[kDateDirBytes + 1]);
size_t put_segment_name(std::string_view channel, int64_t time_us, char out[kSegmentNameBytesMax]);
// The same of its index, which ends in ".index" in place of ".avro".
constexpr size_t kIndexNameBytesMax = kSegmentNameBytesMax + 1;
size_t put_index_name(std::string_view channel, int64_t time_us, char out[kIndexNameBytesMax]);
// "2026-11-22T20:15:00.000000Z", for metadata and messages.
constexpr size_t kIsoTimeBytes = 27;
size_t put_iso_time(int64_t time_us, char out[kIsoTimeBytes + 1]);

// The start of the segment called `name`, or -1 where the name is not one of `channel`'s.
int64_t parse_segment_name(std::string_view channel, std::string_view name);
// The start, in microseconds, of the day that "date=2026-11-22" names, or -1.
int64_t parse_date_dir(std::string_view name);
// Reads what put_stamp writes; -1 where it is not one.
int64_t parse_stamp(std::string_view text);
// Reads what put_iso_time writes; -1 where it is not one.
int64_t parse_iso_time(std::string_view text);
bool is_channel_name(std::string_view name);  // [a-z0-9][a-z0-9_-]{0,62}

}  // namespace sdr
