// Gives a channel's segments their second names.
#pragma once

#include "tools/prune/keep.h"
#include "tools/prune/keep_place.h"

namespace sdr::prune {

// Links what `channel` lists, with the indexes, from `channel_fd` into `place`. What could not be
// linked, for reasons of its own, moves from the lists to what is left out; where the file system
// takes no more names, KeepError.
void link_segments(int channel_fd, KeepPlace* place, KeptChannel* channel);

}  // namespace sdr::prune
