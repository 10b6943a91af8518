// When a window of a decimated stream is over: after so many datums, or at a multiple of 1/rate
// seconds of the wall clock.
//
// Times are receive times. Those of neighbours may be out of order by a little (they are taken on
// several CPUs): that ends no window. A clock that is set back by more than a second does.
#pragma once

#include <stdint.h>

namespace sdr {

constexpr uint64_t kRateMhzMax = 4000000000;

struct WindowOptions {
  uint32_t factor = 1;      // datums, where rate_mhz is 0
  uint64_t rate_mhz = 0;    // windows in 1,000 s
  int64_t max_wait_ns = 0;  // the longest that a window's first datum waits; 0: for ever
};

class Window {
 public:
  void open(const WindowOptions& options) { options_ = options; }

  // Whether it is to be emptied before a datum that came at `time_ns` is put in.
  bool ends_before(int64_t time_ns) const;
  void put(int64_t time_ns);
  // Whether it is to be emptied now that all that has come is in.
  bool is_full() const { return options_.rate_mhz == 0 && count_ >= options_.factor; }
  // The same at the wall clock's `now_ns`, when nothing more has come.
  bool is_due(int64_t now_ns) const;
  void clear() { count_ = 0; }

  uint64_t count() const { return count_; }
  // How long nothing may come before is_due() is to be asked; INT64_MAX: it need not be.
  int64_t patience_ns() const;

 private:
  bool has_waited(int64_t now_ns) const {
    return options_.max_wait_ns > 0 && now_ns - first_ns_ >= options_.max_wait_ns;
  }
  int64_t number_of(int64_t time_ns) const;

  WindowOptions options_;
  uint64_t count_ = 0;
  int64_t first_ns_ = 0;
  int64_t number_ = 0;  // of windows since the epoch
};

}  // namespace sdr
