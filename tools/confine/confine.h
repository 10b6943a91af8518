// The steps of confinement, each on the calling process. A step that fails says so on standard
// error in one line, with what it was about and the errno, and returns the exit code: 100 for what
// the user got wrong, 111 for what the system refuses. 0: done.
#pragma once

#include "tools/confine/options.h"

namespace sdr {

// Closes every descriptor but 0, 1, 2 and `keep`; one of `keep` that is not open is an error.
int close_inherited(const std::vector<int>& keep);
// Default dispositions, nothing blocked: what started the supervisor may have ignored some.
int reset_signals();
int pin_cpus(const ConfineOptions& options);
int set_scheduling(const ConfineOptions& options);
int set_limits(const ConfineOptions& options);
// Becomes the user, with no capability in any set and none to be had; supplementary groups are
// dropped.
int drop_privileges(const std::string& user);

}  // namespace sdr
