// sdr-confine: puts bounds on this process, then becomes the program. A link of a run script's
// chain.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "tools/confine/confine.h"
#include "tools/confine/options.h"

int main(int argc, char** argv) {
  sdr::ConfineOptions options;
  int code = sdr::parse_confine_options(argc, argv, &options);
  if (code >= 0) return code;
  // What needs privilege comes before it goes.
  code = sdr::close_inherited(options.keep_fds);
  if (code == 0) code = sdr::reset_signals();
  if (code == 0) code = sdr::pin_cpus(options);
  if (code == 0) code = sdr::set_scheduling(options);
  if (code == 0) code = sdr::set_limits(options);
  if (code == 0) code = sdr::drop_privileges(options.user);
  if (code != 0) return code;
  execvp(options.program[0], options.program);
  const int failed = errno;
  std::fprintf(stderr, "sdr-confine: fatal: unable to execute %s: %s\n", options.program[0],
               std::strerror(failed));
  return failed == ENOENT ? 127 : 126;
}
