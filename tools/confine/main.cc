// sdr-confine: becomes another program, without what that program must not have.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <exception>

#include "tools/confine/confine.h"
#include "tools/confine/options.h"

namespace {

constexpr int kSystemError = 111;

void warn(const std::string& what) { fprintf(stderr, "sdr-confine: warning: %s\n", what.c_str()); }

// The limits of --best-effort: to run without one is better than not to run.
template <typename Step>
void limit(const sdr::ConfineOptions& options, Step step) {
  try {
    step();
  } catch (const sdr::ConfineError& e) {
    if (!options.best_effort) throw;
    warn(e.what());
  }
}

void enter(const sdr::ConfineOptions& options) {
  for (const std::string& trouble : sdr::enter_cgroup(options.cgroup, options.cgroup_limits)) {
    if (!options.best_effort) throw sdr::ConfineError(trouble, kSystemError);
    // A leaf without limits is only good to have.
    if (options.cgroup_limits.is_any()) warn(trouble);
  }
}

void confine(const sdr::ConfineOptions& options) {
  sdr::close_descriptors(options.keep_fds);
  sdr::reset_signals();
  if (!options.cgroup.empty()) enter(options);
  if (!options.cpus.empty()) {
    limit(options, [&] { sdr::pin_to_cpus(options.cpus, options.cpus_text); });
  }
  if (options.scheduler) {
    limit(options, [&] { sdr::set_scheduler(*options.scheduler, options.scheduler_text); });
  }
  for (const sdr::ConfineLimit& each : options.limits) {
    limit(options, [&] { sdr::set_limit(each); });
  }
  if (!options.socket.listen.empty()) {
    for (const std::string& trouble : sdr::provide_socket(options.socket)) warn(trouble);
  }
  if (!options.keep_privileges) sdr::drop_privileges(options.user ? &*options.user : nullptr);
}

int remove_group(const std::string& name) {
  const std::vector<std::string> troubles =
      sdr::remove_cgroup(getpid(), name, sdr::BusyLeaf::kLeave);
  for (const std::string& trouble : troubles) warn(trouble);
  return troubles.empty() ? 0 : kSystemError;
}

}  // namespace

int main(int argc, char** argv) {
  sdr::ConfineOptions options;
  const int exit_code = sdr::parse_confine_options(argc, argv, &options);
  if (exit_code >= 0) return exit_code;
  try {
    if (!options.removed_cgroup.empty()) return remove_group(options.removed_cgroup);
    if (!options.socket.copied_from.empty()) {
      sdr::copy_held_sockets(options.socket.copied_from, options.socket.holders[0]);
      return 0;
    }
    confine(options);
  } catch (const sdr::ConfineError& e) {
    fprintf(stderr, "sdr-confine: fatal: %s\n", e.what());
    return e.exit_code;
  } catch (const std::exception& e) {
    fprintf(stderr, "sdr-confine: fatal: %s\n", e.what());
    return kSystemError;
  }
  execvp(options.program[0], options.program);
  fprintf(stderr, "sdr-confine: fatal: unable to run %s: %s\n", options.program[0],
          strerror(errno));
  return kSystemError;
}
