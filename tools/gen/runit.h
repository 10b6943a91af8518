// runit, by sv and by the state that runsv leaves behind.
//
// Facts this rests on (runit 2.1.2): a runsv is there exactly while supervise/ok has a reader;
// supervise/status is 20 bytes: the pid, little-endian, at 12, 'u' or 'd' as wanted at 17, and what
// it does at 19 (0 down, 1 run, 2 finish); runsvdir looks at its directory every five seconds and
// cannot be told to. runit knows neither readiness nor permanent failure: our run gives the relay
// the file `ready` to say it in, finish removes that again, and leaves the file `failed` when it
// takes a service down after exit 100.
#pragma once

#include "tools/gen/supervisor.h"

namespace sdr {

class Runit : public Supervisor {
 public:
  using Supervisor::Supervisor;
  bool runs() const override;
  std::string start_command(size_t services) const override;
  int notice_ms() const override;
  bool is_supervised(const std::string& service_dir) const override;
  SupervisedState state(const std::string& service_dir) const override;
  Readiness start(const std::string& service_dir, bool started, int timeout_ms) const override;
  bool has_failed(const std::string& service_dir) const override;
  bool stop(const std::string& service_dir) const override;
  bool admit(const std::string& service_dir, const std::string& group) const override;
  bool rescan() const override;
  bool unlink(const std::string& entry, const std::string& service_dir) const override;
};

}  // namespace sdr
