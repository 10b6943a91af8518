// sdr-gen --apply: makes what runs under RUN what the config says.
#pragma once

#include <string>
#include <vector>

#include "tools/gen/config.h"
#include "tools/gen/options.h"

namespace sdr {

// Holds the config against this machine, then removes, changes and adds channels, in this order,
// and only those that differ; `names` limits it to these channels. Prints a line per action.
// Returns the exit code:
//   0    done, or nothing to do
//   1    the config does not fit this machine, or a template is wrong: nothing was touched
//   3    a channel does not become ready; the others are as they should be
//   4    a changed channel did not become ready and was put back
//   5    another apply runs
//   6    no s6-svscan runs on RUN/service
//   100  a name that is no channel
//   111  the system refused something
int apply_command(const Config& config, const GenOptions& options,
                  const std::vector<std::string>& names);

}  // namespace sdr
