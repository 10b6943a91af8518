// Programs run directly, never through a shell: those of the supervisor, and diff.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace sdr {

struct ProgramResult {
  // The exit code; 128 + signal; 127 where it could not be started; -1: stopped by the caller.
  int code = 0;
  std::string text;  // what it printed, on either stream
};

// A program under way. Its standard input is /dev/null or `input`, its outputs are gathered. Every
// signal has its default action in it, and it does not share the terminal's interrupts.
class RunningProgram {
 public:
  explicit RunningProgram(const std::vector<std::string>& words, std::string_view input = {});
  ~RunningProgram();
  RunningProgram(const RunningProgram&) = delete;
  RunningProgram& operator=(const RunningProgram&) = delete;

  bool wait(int timeout_ms);  // whether it has ended; -1: waits as long as it takes
  void stop();                // TERM, and waits
  const ProgramResult& result() const { return result_; }

 private:
  void reap();
  pid_t pid_ = -1;
  int pipe_ = -1;
  ProgramResult result_;
};

ProgramResult run_program(const std::vector<std::string>& words, std::string_view input = {});

// Whether the process runs what was at `path` (absolute) and something else is there now. False
// also where that cannot be seen, or where there is nothing any more.
bool runs_replaced_program(pid_t pid, const std::string& path);

}  // namespace sdr
