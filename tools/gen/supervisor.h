// What sdr-gen asks of the supervisor that runs the channels: s6 or runit.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "tools/gen/options.h"

namespace sdr {

struct SupervisedState {
  bool up = false;
  bool ready = false;
  bool wanted_up = false;
  bool failed_for_good = false;  // down after exit 100: nobody stopped it, it gave up
  int pid = 0;                   // 0: none
};

enum class Readiness { kReady, kFailed, kTimeout };

// One scan directory and what supervises its services. `service_dir` is a service directory or the
// log/ of one.
class Supervisor {
 public:
  explicit Supervisor(std::string scan_dir) : scan_dir_(std::move(scan_dir)) {}
  virtual ~Supervisor() = default;
  const std::string& scan_dir() const { return scan_dir_; }

  virtual bool runs() const = 0;  // something watches the scan directory
  // The command that starts it, for so many services.
  virtual std::string start_command(size_t services) const = 0;

  // How long it may take to see what is new in the scan directory.
  virtual int notice_ms() const { return 0; }

  virtual bool is_supervised(const std::string& service_dir) const = 0;
  virtual SupervisedState state(const std::string& service_dir) const = 0;

  // Starts a service and waits until it is ready; or, where `started`, only waits. kFailed: it
  // failed for good, or died again and again.
  virtual Readiness start(const std::string& service_dir, bool started, int timeout_ms) const = 0;

  // Whether it failed for good, or died again and again since it was first started or its deaths
  // were cleared.
  virtual bool has_failed(const std::string& service_dir) const = 0;

  // Brings a service down, through its finish script; false where it is not down in time: it is
  // wanted up again then. While a logger is down the pipe to it holds what is logged.
  virtual bool stop(const std::string& service_dir) const = 0;

  // Lets the members of a group read the status of a service and control it, and nobody else but
  // its owner.
  virtual bool admit(const std::string& service_dir, const std::string& group) const = 0;

  // Has it look at the scan directory for what is new.
  virtual bool rescan() const = 0;

  // Takes `entry` out of the scan directory and ends its supervisors. False where one of them does
  // not go.
  virtual bool unlink(const std::string& entry, const std::string& service_dir) const = 0;

 protected:
  std::string scan_dir_;
};

std::unique_ptr<Supervisor> make_supervisor(Target target, const std::string& scan_dir);

// Whether a FIFO has a reader: how both supervisors are found.
bool fifo_has_reader(const std::string& path);

void pause_ms(int ms);

// Whether `condition` comes true in time; looked at every 2 ms.
template <typename Condition>
bool wait_until(Condition condition, int timeout_ms) {
  for (int waited_ms = 0;; waited_ms += 2) {
    if (condition()) return true;
    if (waited_ms >= timeout_ms) return false;
    pause_ms(2);
  }
}

// The first number of a file such as timeout-kill, or `otherwise`.
int number_in(const std::string& path, int otherwise);

}  // namespace sdr
