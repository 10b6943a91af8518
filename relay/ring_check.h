// Whether what the head of a ring file says of itself can be true.
#pragma once

#include "relay/ring.h"

namespace sdr {

// For a ring whose areas have been mapped: its positions fit each other and its areas, its text is
// that of a segment, and where it says that it is finished nothing is left in it. What is not so is
// not used: a writer would write past its areas, or never get past it.
bool head_is_possible(const Ring& ring);

}  // namespace sdr
