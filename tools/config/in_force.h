// Which configuration is in force, for the tools that go by it without being sdr-gen.
#pragma once

#include <string>
#include <vector>

#include "tools/config/config.h"

namespace sdr {

// As --config and --run say.
struct ConfigPlace {
  std::string config = "/etc/speeddata/relay.toml";
  std::string run = "/run/speeddata";
  bool config_given = false;
  bool run_given = false;
};

// RUN/applied/relay.toml where there is one, else --config. A --config given without --run is the
// one in force.
std::string config_in_force(const ConfigPlace& place);

// Those files of --config that are not as they were applied, by name within its directory:
// relay.toml, channels.d/*.toml and its schemas there, also where only one side has them. Empty
// where nothing was applied in RUN, or --config is not of this fleet or cannot be read.
std::vector<std::string> files_not_applied(const ConfigPlace& place);

// Its [storage]. Without a path, and with *error set, where it cannot be had; what else may be
// wrong with that config is nothing to a reader of recordings.
Storage storage_in_force(const ConfigPlace& place, std::string* error);
std::string storage_path(const ConfigPlace& place, std::string* error);

}  // namespace sdr
