// sdr-gen --diff: what --apply would do, and a unified diff of the files.
#pragma once

#include "tools/config/config.h"
#include "tools/gen/options.h"

namespace sdr {

// Prints a line per step, with the keys that cause it, then the diff, as diff -u makes it, from
// what runs to what the config says; with options.json one document. Touches nothing. Returns 0
// where both are the same, 2 where not, 1 where a template is wrong, 111.
int diff_command(const Config& config, const GenOptions& options);

}  // namespace sdr
