// What a receiver takes over from the one before it: where the numbers of datums stood, and what
// has been lost so far.
//
// After a kill the ring that was left has it, committed with the datums it was made from. After an
// orderly end that ring is finished and gone, and the counters page keeps it.
#pragma once

#include "relay/format/counters.h"
#include "relay/options.h"
#include "relay/ring.h"

namespace sdr {

// Completes `start`: numbers go on by the rule that `options` state. `dir_fd`: of the rings, before
// make_way_for_ring(), or -1. To be called once, behind the channel's lock.
void take_over(int dir_fd, const Options& options, const Layout& layout, CountersPage* page,
               RingStart* start);

// At an orderly end, when the writer is done.
void hand_over(const Ring& ring, CountersPage* page);

}  // namespace sdr
