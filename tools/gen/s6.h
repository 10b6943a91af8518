// s6, by its programs, run directly, and by the state that they leave behind.
//
// Facts this rests on (s6 2.11): an s6-svscan or s6-supervise is there exactly while its control
// FIFO has a reader; supervise/status is 35 bytes of which the last three are the wait status and
// the flags (other lengths belong to other versions, and s6-svstat is asked instead); s6-svc and
// s6-svwait exit 99 on a timeout; s6-svc -wU exits 1 at once when the service fails for good.
#pragma once

#include "tools/gen/supervisor.h"

namespace sdr {

class S6 : public Supervisor {
 public:
  using Supervisor::Supervisor;
  bool runs() const override;
  std::string start_command(size_t services) const override;
  bool is_supervised(const std::string& service_dir) const override;
  SupervisedState state(const std::string& service_dir) const override;
  Readiness start(const std::string& service_dir, bool started, int timeout_ms) const override;
  bool has_failed(const std::string& service_dir) const override;
  bool stop(const std::string& service_dir) const override;
  bool admit(const std::string& service_dir, const std::string& group) const override;
  bool rescan() const override;
  bool unlink(const std::string& entry, const std::string& service_dir) const override;

 private:
  bool end_supervisor(const std::string& service_dir) const;
};

}  // namespace sdr
