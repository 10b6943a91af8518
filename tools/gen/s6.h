// What sdr-gen asks of s6: its programs, run directly and never through a shell, and the state that
// they leave behind.
//
// Facts this rests on (s6 2.11): an s6-svscan or s6-supervise is there exactly while its control
// FIFO has a reader; supervise/status is 35 bytes of which the last three are the wait status and
// the flags (other lengths belong to other versions, and s6-svstat is asked instead); s6-svc and
// s6-svwait exit 99 on a timeout; s6-svc -wU exits 1 at once when the service fails for good.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace sdr {

struct ProgramResult {
  int code =
      0;  // exit code; 128 + signal; 127 where it could not be started; -1: stopped by the caller
  std::string text;  // what it printed, on either stream
};

// A program under way. Its standard input is /dev/null, its outputs are gathered. Every signal has
// its default action in it, and it does not share the terminal's interrupts.
class RunningProgram {
 public:
  explicit RunningProgram(const std::vector<std::string>& words);
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

ProgramResult run_program(const std::vector<std::string>& words);

bool svscan_runs(const std::string& scan_dir);
bool is_supervised(const std::string& service_dir);

struct SupervisedState {
  bool up = false;
  bool ready = false;
  bool wanted_up = false;
  bool failed_for_good = false;  // down after exit 100: nobody stopped it, it gave up
};
SupervisedState supervised_state(const std::string& service_dir);

enum class Readiness { kReady, kFailed, kTimeout };

// Starts a service and waits until it is ready; or, where `started`, only waits. kFailed: it failed
// for good, or died again and again.
Readiness start_service(const std::string& service_dir, bool started, int timeout_ms);

// Whether it failed for good, or died again and again since it was first started or its deaths were
// cleared.
bool has_failed(const std::string& service_dir);

// Brings a service down, through its finish script; false where it is not down in time: it is
// wanted up again then.
bool stop_service(const std::string& service_dir);

// While a logger is down the pipe to it holds what is logged: s6-svscan keeps both its ends.
bool stop_logger(const std::string& service_dir);
bool start_logger(const std::string& service_dir);

bool rescan(const std::string& scan_dir);

// Takes NAME out of the scan directory and ends its supervisors. False where one of them does not
// go.
bool unlink_service(const std::string& scan_dir, const std::string& name,
                    const std::string& service_dir);

}  // namespace sdr
