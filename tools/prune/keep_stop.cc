#include "tools/prune/keep_stop.h"

#include <signal.h>

#include "tools/prune/keep.h"

namespace sdr::prune {
namespace {

volatile sig_atomic_t stopped = 0;

}  // namespace

void heed_signals() {
  struct sigaction action = {};
  action.sa_handler = [](int number) { stopped = number; };
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaction(number, &action, nullptr);
}

void stop_if_asked() {
  if (stopped) throw KeepError(111, "stopped by a signal; nothing is kept");
}

}  // namespace sdr::prune
