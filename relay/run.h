// Datums of one length that stand back to back and came at once: one, or what a super-packet
// brought.
#pragma once

#include <stdint.h>

namespace sdr {

struct Run {
  const uint8_t* at;
  uint32_t bytes;  // of each
  uint32_t count;
  int64_t time_ns;  // receive time
};

}  // namespace sdr
