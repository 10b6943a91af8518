// How fast a disk takes what is written as the relays write: past the page cache, and synced.
#pragma once

#include <cstdint>
#include <string>

namespace sdr::status {

struct DiskRate {
  double bytes_per_s = 0;
  bool is_direct = false;   // else the file system has no O_DIRECT, and the page cache took part
  int sys_errno = 0;        // why there is no rate …
  const char* failed = "";  // … and what it was that failed: "open", "write", "sync"
};

// Writes a file without a name in `directory`, for about a second and no more than `bytes_max`, so
// that nothing is left of it whatever happens. Yields to others who use the disk, where its
// scheduler knows how. A process of its own does it, for who writes to a disk that is stuck cannot
// even be killed: after five seconds it is left to itself (ETIMEDOUT).
DiskRate measure_disk(const std::string& directory, uint64_t bytes_max);

}  // namespace sdr::status
