// From the ring to a recording: datums as blocks, rejected datagrams as datums of a schema of their
// own.
#pragma once

#include <stdint.h>

#include <span>
#include <string_view>

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

// Writes all that is committed, in blocks of up to `block_bytes_max` bytes of data (at least 64
// KiB), and adds to `drained` what has been published, also when an error ends it early.
Status drain_datums(const Ring& ring, Recording* recording, uint64_t block_bytes_max,
                    Drained* drained);
Status drain_rejects(const Ring& ring, Recording* recording, Drained* drained);

// The constant part of a rejected file's header.
std::span<const uint8_t> reject_header(std::string_view channel);

}  // namespace sdr
