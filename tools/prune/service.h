// Retention again and again, in the foreground, under a supervisor.
#pragma once

#include <signal.h>

#include <cstdint>

#include "tools/prune/options.h"

namespace sdr::prune {

// TERM, INT and HUP wait from here on until they are asked for: nothing is interrupted.
class HeldSignals {
 public:
  HeldSignals();
  bool is_stopped() const;  // TERM or INT has come
  // Until that time of the monotonic clock, or a signal; whether to go on: HUP means at once.
  bool wait_until(int64_t deadline_ns) const;

 private:
  sigset_t held_;
};

// Goes on until it is told to stop, and says only what is new. Returns the exit code.
int serve(const Options& options, const HeldSignals& signals);

// To standard output, all of it; false: *sys_errno.
bool put_out(const std::string& text);

}  // namespace sdr::prune
