// The writer process: ring → segments. Its whole state is in the ring and on the disk, so it may
// die at any time.
#pragma once

#include "relay/format/counters.h"
#include "relay/options.h"
#include "relay/ring.h"

namespace sdr {

// How much data wakes the writer before its sync tick: large writes cost half as much as small
// ones.
inline uint64_t wake_bytes(uint64_t data_bytes) {
  return data_bytes / 2 < (1 << 20) ? data_bytes / 2 : 1 << 20;
}

// Runs until the pipe's other end is gone and everything is sealed; then 0, or 111 where the disk
// did not take it all (the ring stays for whoever comes next). `ring_dir_fd` is where leftovers of
// earlier receivers are found.
int run_writer(const Options& options, const Ring& ring, int ring_dir_fd, int pipe_fd,
               WriterCounters* counters);

}  // namespace sdr
