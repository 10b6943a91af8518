// The rings that earlier receivers left behind, in a channel's ring directory.
//
//   current       the receiver's; it makes it as `new`
//   left-NUMBER   an earlier one's, 20 digits, from 1: to be finished, the oldest first
//   bad-TIME      what stood under those names and is no whole ring: never used, only kept to be
//                 looked at, the last kBadKept of them
//
// A ring of another version stays under its name and waits for a relay that reads it.
#pragma once

#include <string_view>

#include "relay/format/result.h"
#include "relay/store.h"

namespace sdr {

constexpr int kBadKept = 2;

// For the receiver, behind its lock: makes way for a ring under `current` and, meanwhile, `new`.
// A ring that its writer may still be at becomes the last of those that are left.
Status make_way_for_ring(int dir_fd);

// For the writer of `channel`: finishes all that are left, through `store`, which has the
// channel's directory. An error is the storage's, and worth another try, which goes on behind
// number *done (at first 0).
Status finish_leftovers(int dir_fd, std::string_view channel, Store* store,
                        uint64_t* done);

}  // namespace sdr
