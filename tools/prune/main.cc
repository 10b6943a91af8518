// sdr-prune: deletes the oldest recordings, so that the disk does not fill up; and keeps runs.
#include <errno.h>
#include <signal.h>
#include <string.h>

#include <cstdio>
#include <exception>

#include "tools/config/in_force.h"
#include "tools/prune/keep.h"
#include "tools/prune/options.h"
#include "tools/prune/report.h"
#include "tools/prune/round.h"
#include "tools/prune/service.h"

namespace {

using namespace sdr::prune;

int keep(const Options& options) {
  std::string error;
  const sdr::Storage storage = sdr::storage_in_force(options.place, &error);
  if (!error.empty()) throw KeepError(100, error);
  return keep_run({.name = options.keep,
                   .range = options.range,
                   .channels = options.channels,
                   .storage = storage.path,
                   .mount = storage.mount,
                   .run = options.place.run,
                   .dry_run = options.dry_run,
                   .json = options.json});
}

int prune(const Options& options) {
  const HeldSignals signals;
  if (options.every_us > 0) return serve(options, signals);
  const Round round = run_round(options, [&] { return signals.is_stopped(); });
  fputs(complaints_text(round).c_str(), stderr);
  if (put_out(options.json ? report_json(round) : report_text(round)) || errno == EPIPE)
    return exit_code_of(round);
  fprintf(stderr, "sdr-prune: fatal: unable to write: %s\n", strerror(errno));
  return 111;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    Options options;
    const int exit_code = parse_prune_options(argc, argv, &options);
    if (exit_code >= 0) return exit_code;
    signal(SIGPIPE, SIG_IGN);
    return options.keep.empty() ? prune(options) : keep(options);
  } catch (const RoundError& error) {
    fprintf(stderr, "sdr-prune: fatal: %s\n", error.what());
    return error.exit_code;
  } catch (const KeepError& error) {
    fprintf(stderr, "sdr-prune: fatal: %s\n", error.what());
    return error.exit_code;
  } catch (const std::exception& error) {
    fprintf(stderr, "sdr-prune: fatal: %s\n", error.what());
    return 111;
  }
}
