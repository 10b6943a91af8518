// A decimated stream: its windows, and what is sent for each.
#pragma once

#include <stdint.h>
#include <sys/uio.h>

#include "relay/format/layout.h"
#include "relay/numbers.h"
#include "relay/options.h"
#include "relay/ring.h"
#include "relay/run.h"
#include "relay/stream.h"
#include "relay/window.h"

namespace sdr {

class Decimator {
 public:
  // Takes memory, which stays.
  Status open(const StreamOptions& options, const Layout& layout, Stream* stream);

  // Puts valid datums into windows, and sends what stands for those that end.
  void take(const Run* runs, uint32_t count);
  // Nothing more has come until `now_ns`, wall clock: sends the window if its time is over.
  void look(int64_t now_ns);
  // How long nothing may come before look() is to be called; INT64_MAX: it need not be.
  int64_t patience_ns() const { return window_.count() > 0 ? window_.patience_ns() : INT64_MAX; }

 private:
  void put(const iovec& datum, int64_t time_ns);
  void put_window();
  void flush();

  Stream* stream_ = nullptr;
  Method method_ = Method::kDownsample;
  Window window_;
  Numbers numbers_;
  iovec last_ = {};          // the window's last datum
  uint8_t* kept_ = nullptr;  // where it is kept between batches, where it may be sent alone
  Run sending_[kBatchMax];
  uint32_t sending_count_ = 0;
  size_t sending_bytes_ = 0;  // of `outgoing`
};

}  // namespace sdr
