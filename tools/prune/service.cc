#include "tools/prune/service.h"

#include <errno.h>
#include <time.h>

#include <algorithm>
#include <cstdio>

#include "relay/clock.h"
#include "tools/prune/report.h"
#include "tools/prune/round.h"

namespace sdr::prune {

HeldSignals::HeldSignals() {
  sigemptyset(&held_);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&held_, number);
  sigprocmask(SIG_BLOCK, &held_, nullptr);
}

bool HeldSignals::is_stopped() const {
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, SIGTERM) || sigismember(&pending, SIGINT);
}

bool HeldSignals::wait_until(int64_t deadline_ns) const {
  for (;;) {
    const int64_t left_ns = std::max<int64_t>(deadline_ns - monotonic_ns(), 0);
    const timespec left = {.tv_sec = static_cast<time_t>(left_ns / 1'000'000'000),
                           .tv_nsec = static_cast<long>(left_ns % 1'000'000'000)};
    const int number = sigtimedwait(&held_, nullptr, &left);
    if (number == SIGHUP) return true;
    if (number > 0) return false;
    if (errno == EAGAIN) return true;
  }
}

bool put_out(const std::string& text) {
  return fwrite(text.data(), 1, text.size(), stdout) == text.size() && fflush(stdout) == 0;
}

int serve(const Options& options, const HeldSignals& signals) {
  const int64_t every_ns = static_cast<int64_t>(options.every_us) * 1000;
  std::string said;  // complaints, said once as long as they stay the same
  do {
    const int64_t deadline_ns = monotonic_ns() + every_ns;
    std::string complaints;
    std::string report;
    try {
      const Round round = run_round(options, [&] { return signals.is_stopped(); });
      complaints = complaints_text(round);
      if (has_acted(round) || (options.json && complaints != said))
        report = options.json ? report_json(round) : report_text(round);
    } catch (const RoundError& error) {
      complaints = std::string("sdr-prune: error: ") + error.what() + "\n";
    }
    if (complaints != said) fputs(complaints.c_str(), stderr);
    if (complaints.empty() && !said.empty()) fputs("sdr-prune: info: all is well again\n", stderr);
    said = complaints;
    // A log that cannot be written is no reason to let the disk fill up.
    if (!report.empty() && !put_out(report)) clearerr(stdout);
    if (!signals.wait_until(deadline_ns)) return 0;
  } while (true);
}

}  // namespace sdr::prune
