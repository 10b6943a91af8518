// RUN/applied: the config in force, as files that load_config(RUN/applied/relay.toml) reads.
#pragma once

#include <map>
#include <string>

#include "tools/gen/config.h"

namespace sdr {

// relay.toml, channels.d/*.toml and the schemas below the config's directory, by path within
// RUN/applied. A schema that the config names by an absolute path elsewhere stays there. Throws
// SystemError where a file cannot be read.
std::map<std::string, std::string> applied_files(const Config& config);

// Puts them in place of what is there, as one; nothing is written where nothing differs. Throws
// SystemError.
void write_applied(const std::string& run_dir, const std::map<std::string, std::string>& files);

}  // namespace sdr
