// sdr-feed --replay: sends recordings again, all against one clock.
#pragma once

#include <signal.h>

#include "tools/feed/options.h"

namespace sdr {

// Returns the exit code. Once `*stopped` is set, it ends with its summary.
int replay(const FeedOptions& options, const volatile sig_atomic_t* stopped);

}  // namespace sdr
