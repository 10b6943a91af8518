// Reads an Avro container file far enough to know where its last good block ends.
#pragma once

#include <stdint.h>

#include "relay/format/ocf.h"
#include "relay/format/result.h"

namespace sdr {

struct ScanResult {
  bool is_ours = false;   // an Avro file whose header carries sdr.channel
  int64_t start_us = -1;  // sdr.started, or -1
  uint64_t file_bytes = 0;
  uint64_t good_bytes = 0;  // header and whole blocks from the front
  uint64_t blocks = 0;
};

// Scans `name` below `dir_fd`: the header, then each block's head and sync marker, not the data
// between.
Status scan_segment(int dir_fd, const char* name, ScanResult* result);

// Only the sync marker; false where the file has no whole header.
bool read_sync_marker(int dir_fd, const char* name, uint8_t sync[kSyncBytes]);

// Whether the marker stands right before byte `end`, as it does behind every block.
bool block_ends_at(int dir_fd, const char* name, uint64_t end, const uint8_t sync[kSyncBytes]);

}  // namespace sdr
