// From the ring to a recording: datums as blocks, rejected datagrams as datums of a schema of their
// own.
#pragma once

#include <stdint.h>

#include <span>
#include <string_view>

#include "relay/format/result.h"
#include "relay/recording.h"
#include "relay/ring.h"

namespace sdr {

struct Drained {
  uint64_t datums = 0;
  uint64_t bytes = 0;       // of datums
  uint64_t file_bytes = 0;  // of blocks, framing included
  uint64_t blocks = 0;
  uint64_t rejects = 0;
};

// Writes the next block, of up to `block_bytes_max` bytes of data (at least 64 KiB), of what was
// `committed`, and adds it to `drained`; false: there is none.
Result<bool> drain_datums(const Ring& ring, const Committed& committed, Recording* recording,
                          uint64_t block_bytes_max, Drained* drained);
// Writes all rejects that there are, and adds to `drained` what has been published, also when an
// error ends it early.
Status drain_rejects(const Ring& ring, Recording* recording, Drained* drained);
// Forgets the rejects that there are; for when no recording is attached. How many they were.
uint64_t discard_rejects(const Ring& ring);

// The layout of a reject, and the constant part of a rejected file's header.
constexpr std::string_view kRejectLayout = "(lssy)";
std::span<const uint8_t> reject_header(std::string_view channel);

}  // namespace sdr
