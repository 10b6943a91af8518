// What keeps an apply whole: only one at a time, and not torn in two by a signal.
#pragma once

#include <signal.h>

#include <string>

namespace sdr {

// Signals wait until a channel is done.
class HeldSignals {
 public:
  HeldSignals();
  bool any() const;  // one came in

 private:
  sigset_t held_;
};

// Holds RUN/apply.lock, which names the process that has it. Throws SystemError.
class ApplyLock {
 public:
  explicit ApplyLock(const std::string& path);
  ~ApplyLock();
  ApplyLock(const ApplyLock&) = delete;
  ApplyLock& operator=(const ApplyLock&) = delete;
  bool held() const { return held_; }
  const std::string& holder() const { return holder_; }

 private:
  int fd_;
  bool held_ = false;
  std::string holder_ = "?";
};

}  // namespace sdr
