// Which config a machine starts with when the one it should start with may be broken.
#pragma once

#include <string>

#include "tools/config/config.h"
#include "tools/gen/options.h"

namespace sdr {

struct BootConfig {
  Config config;
  bool whole = true;  // no channel was left out
};

// options.config_file, or the last one in STATE that was applied whole, or what is good of the
// first. Says which on standard error unless it is the first. Throws Failure where there is none.
BootConfig boot_config(const GenOptions& options, const std::string& state_dir);

// Takes the channels out that an error concerns: one whose place lies in the channel's table or in
// its schema. False where an error concerns all of them.
bool drop_broken_channels(LoadedConfig* loaded);

}  // namespace sdr
