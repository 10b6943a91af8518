// Why a command of sdr-gen ends without having done its work: thrown as far as main(), which says
// it on standard error and, under --json, as a document.
#pragma once

#include <stdexcept>
#include <string>

namespace sdr {

enum ExitCode {
  kDone = 0,
  kInvalid = 1,
  kChanges = 2,  // --diff
  kNotReady = 3,
  kPutBack = 4,
  kBusy = 5,
  kNoSupervisor = 6,
  kUsageError = 100,
  kSystemFailed = 111,
};

struct Failure : std::runtime_error {
  Failure(ExitCode code, const std::string& text) : std::runtime_error(text), exit_code(code) {}
  ExitCode exit_code;
};

// What the system refused: "unable to create /run/x: No space left on device".
struct SystemError : Failure {
  explicit SystemError(const std::string& text) : Failure(kSystemFailed, text) {}
};
[[noreturn]] void throw_system_error(const std::string& what, const std::string& path,
                                     int sys_errno);

}  // namespace sdr
