// What sdr-confine changes about the process that it is, each step by itself.
//
// The order is that of kernel and libcap-ng: what needs privilege (CPUs, scheduler, limits) while
// it is there, then the capabilities' lock, which needs CAP_SETPCAP, then the user, and
// no_new_privs last.
#pragma once

#include <stdexcept>
#include <string>

#include "tools/confine/options.h"

namespace sdr {

// A step that failed; the message names the thing and the errno. `exit_code` is 100 for what the
// user got wrong, else 111.
struct ConfineError : std::runtime_error {
  ConfineError(const std::string& what, int code) : std::runtime_error(what), exit_code(code) {}
  int exit_code;
};

// All but 0, 1, 2 and those in `keep`, which is sorted. Works without close_range (Linux 5.9) too.
void close_descriptors(const std::vector<unsigned>& keep);

// Default dispositions, nothing blocked.
void reset_signals();

// Reads the mask back: inside a cpuset the kernel grants what overlaps, without a word.
void pin_to_cpus(const std::vector<unsigned>& cpus, const std::string& text);

void set_scheduler(const ConfineScheduler& scheduler, const std::string& text);
void set_limit(const ConfineLimit& limit);

// Drops every capability, the bounding set too where that is allowed, becomes `user` (null: stays
// who it is) with its primary group only, and sets no_new_privs. Without privilege `user` must be
// the current one.
void drop_privileges(const std::string* user);

}  // namespace sdr
