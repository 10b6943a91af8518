// sdr-gen --apply, --rollback, --refresh and --boot: make what runs under RUN what the config says.
#pragma once

#include <string>
#include <vector>

#include "tools/config/config.h"
#include "tools/gen/options.h"

namespace sdr {

// Holds the config against this machine, then removes, changes and adds channels, in this order,
// and only those that differ; `names` limits it to these channels. Prints a line per action.
// Returns the exit code:
//   0    done, or nothing to do
//   1    the config does not fit this machine, or a template is wrong: nothing was touched
//   3    a channel does not become ready, or was edited by hand and left alone; the others are as
//        they should be
//   4    a changed channel did not become ready and was put back
//   5    another apply runs
//   6    no supervisor watches the scan directory
//   100  a name that is no channel
//   111  the system refused something
int apply_command(const LoadedConfig& loaded, const GenOptions& options,
                  const std::vector<std::string>& names);

// The same with the config that was applied before this one; 1 where there is none.
int rollback_command(const GenOptions& options);

// For the time after an upgrade: the config in force once more, so that channels whose program or
// rendering is another one restart, one at a time; what was edited since stays for an apply. Target
// and scan directory are those of the services that are there. What does not fit this machine stops
// nothing.
int refresh_command(GenOptions options);

// For the start of a machine: the config, or, if that is broken, the one applied last, and it says
// so; without either, those of its channels that are good. What does not fit this machine is tried
// all the same, an interface may come later. Where no supervisor runs yet everything is put in
// place for it. Returns 0, or 3 where something was left out.
int boot_command(const GenOptions& options);

}  // namespace sdr
