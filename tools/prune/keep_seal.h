// Has relays seal their open segments, as SIGHUP does, where these hold something of a range.
//
// The relay is asked by way of its supervisor, s6 or runit, and says in its ring when it is done:
// then everything that it had received before is in sealed segments.
#pragma once

#include <string>
#include <vector>

#include "relay/fd.h"
#include "tools/prune/keep_find.h"

namespace sdr::prune {

// A channel that is being kept.
struct SealWork {
  std::string name;
  UniqueFd directory = {};
  std::vector<LeftOut> left_out = {};  // what is open and has not been sealed, and why
  bool would_seal = false;             // with dry_run, in place of it
};

// `run` is the run directory. Waits until all are done, or for ten seconds. What happens to one
// channel is nothing to the others.
void seal_open_segments(const std::string& run, const recording::TimeRange& range, bool dry_run,
                        std::vector<SealWork>* channels);

}  // namespace sdr::prune
