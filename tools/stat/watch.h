// --watch: the channels on a terminal, live.
#pragma once

#include "tools/stat/options.h"

namespace sdr::status {

// Until it is quit; returns the exit code. A signal that ends it, ends it by that signal, with the
// terminal as it was.
int watch(const Options& options);

}  // namespace sdr::status
