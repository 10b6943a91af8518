// The config in force, and those before it, as files that load_config(DIR/relay.toml) reads.
#pragma once

#include <map>
#include <string>

#include "tools/config/config.h"

namespace sdr {

// relay.toml, channels.d/*.toml and the schemas below the config's directory, by path within
// RUN/applied. A schema that the config names by an absolute path elsewhere stays there. Throws
// SystemError where a file cannot be read.
std::map<std::string, std::string> applied_files(const Config& config);

// RUN/applied: puts them in place of what is there, as one; nothing is written where nothing
// differs. Throws SystemError.
void write_applied(const std::string& run_dir, const std::map<std::string, std::string>& files);

// On a disk, STATE/applied has the last config that was applied whole, for a boot with a broken
// one, and STATE/previous the one before it, for --rollback.
void keep_applied(const std::string& state_dir, const std::map<std::string, std::string>& files);

// The config to go back to: the last one that was applied whole, if what is in force is another one
// (or only a part), else the one before it. Empty where there is none.
std::string rollback_config(const std::string& run_dir, const std::string& state_dir);

// The last config that was applied whole; empty where there is none.
std::string last_config(const std::string& state_dir);

}  // namespace sdr
