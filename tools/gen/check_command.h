// sdr-gen --check: what is wrong with the config, for people and for programs.
#pragma once

#include <string>
#include <vector>

#include "tools/gen/config.h"
#include "tools/gen/options.h"

namespace sdr {

// Prints them to standard error, and how many there are after more than one.
void print_diagnostics(const std::vector<Diagnostic>& diagnostics, bool colour);

// {"ok": …, "errors": N, "warnings": N, "channels": […], "diagnostics": [{"severity", "file",
// "line", "column", "message", "source"}…]}; line and column are 0 where an error has none.
std::string diagnostics_json(const Config& config, const std::vector<Diagnostic>& diagnostics);

// Returns the exit code: 0, 1 where something is wrong, 111 where that could not be written.
int check_command(const LoadedConfig& loaded, const GenOptions& options, bool host);

}  // namespace sdr
