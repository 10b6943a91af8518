#include "relay/signals.h"

#include <errno.h>
#include <signal.h>
#include <sys/time.h>

namespace sdr {
namespace {

volatile sig_atomic_t stopping;
volatile sig_atomic_t rotating;
volatile sig_atomic_t child_died;
volatile sig_atomic_t knocking;

constexpr int kHandled[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGALRM};

void start_knocking() {
  knocking = 1;
  const itimerval every_10_ms = {{0, 10000}, {0, 10000}};
  setitimer(ITIMER_REAL, &every_10_ms, nullptr);
}

void stop_knocking() {
  knocking = 0;  // first: a signal from here on starts it anew, or its flag is seen right after
  const itimerval never = {};
  setitimer(ITIMER_REAL, &never, nullptr);
}

void on_signal(int signal) {
  const int saved = errno;
  if (signal == SIGTERM || signal == SIGINT) stopping = 1;
  if (signal == SIGHUP) rotating = 1;
  if (signal == SIGCHLD) child_died = 1;
  if (signal != SIGALRM) start_knocking();
  errno = saved;
}

void set_handler(int signal, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  sigaction(signal, &action, nullptr);
}

bool take(volatile sig_atomic_t& flag) {
  const bool was = flag;
  flag = 0;
  return was;
}

}  // namespace

void catch_signals() {
  set_handler(SIGPIPE, SIG_IGN);
  for (int signal : kHandled) set_handler(signal, on_signal);
}

Signals take_signals() {
  if (!knocking) return {};
  stop_knocking();
  return {stopping != 0, take(rotating), take(child_died)};
}

bool stop_asked() { return stopping != 0; }

void knock_for_child() {
  child_died = 1;
  start_knocking();
}

void ignore_signals() {
  for (int signal : kHandled) set_handler(signal, SIG_IGN);
  stop_knocking();
}

}  // namespace sdr
