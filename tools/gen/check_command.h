// sdr-gen --check: what is wrong with the config, for people and for programs.
#pragma once

#include <string>
#include <vector>

#include "tools/config/config.h"
#include "tools/gen/options.h"

namespace sdr {

// Prints them to standard error, and how many there are after more than one.
void print_diagnostics(const std::vector<Diagnostic>& diagnostics, bool colour);

// {"ok": …, "errors": N, "warnings": N, "channels": […], "diagnostics": [{"severity", "file",
// "line", "column", "message", "source"}…]}; line and column are 0 where an error has none.
std::string diagnostics_json(const Config& config, const std::vector<Diagnostic>& diagnostics);

// What is wrong with the config in itself and, with `host`, with it on this machine.
std::vector<Diagnostic> find_all(const LoadedConfig& loaded, bool host);

bool any_error(const std::vector<Diagnostic>& diagnostics);

// Says all of it, or that all is good, as options.json wants it. Returns the exit code: 0, or 1
// where there is an error. Throws SystemError.
int report_findings(const Config& config, const std::vector<Diagnostic>& found,
                    const GenOptions& options);

}  // namespace sdr
