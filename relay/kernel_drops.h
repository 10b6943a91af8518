// Datagrams that the kernel dropped because the receive buffer was full: each counted once, however
// many relays the socket lives through.
//
// The kernel counts for as long as the socket lives, in 32 bits. The counters page remembers which
// socket it was and what had been counted before it, so the drops of a time without a relay are
// counted by the next one, and those of before are not counted again.
#pragma once

#include <stdint.h>

#include "relay/format/counters.h"

namespace sdr {

class KernelDrops {
 public:
  explicit KernelDrops(ReceiverCounters& counters) : counters_(counters) {}

  // From here on the counts are those of the socket with this inode. `drops_known` is its count
  // now, or the largest number where the kernel will say it later only; less than has been seen,
  // and it is another socket with an inode used again.
  void adopt(uint64_t inode, uint32_t drops_known) {
    if (get(counters_.drops_socket) == inode && drops_known >= seen()) return;
    set(counters_.drops_socket, 0);  // killed between these, it is adopted anew
    set(counters_.drops_before, get(counters_.kernel_drops));
    set(counters_.drops_socket, inode);
  }

  // The socket's running count, which wraps. One store: what has been seen follows from the sum.
  void count(uint32_t drops) { add(counters_.kernel_drops, drops - seen()); }

 private:
  uint32_t seen() const {
    return static_cast<uint32_t>(get(counters_.kernel_drops) - get(counters_.drops_before));
  }

  ReceiverCounters& counters_;
};

}  // namespace sdr
