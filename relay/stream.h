// One output: datums in, datagrams out, as few system calls as the kernel allows.
//
// Runs of equal length leave as one UDP_SEGMENT send (subscribers see single datagrams). Where that
// is not to be had, or a length exceeds the route's MTU, they leave by sendmmsg. What fails never
// reaches another stream or the recording.
#pragma once

#include <sys/uio.h>

#include "relay/output.h"

namespace sdr {

class Stream {
 public:
  // Makes the socket; see Output::open.
  Status open(const Options& options, const StreamOptions& to, StreamCounters* counters) {
    return output_.open(options, to.to, counters);
  }

  // Sends every datum.
  void send(const iovec* datums, uint32_t count);

  Output& output() { return output_; }

 private:
  uint32_t send_run(const iovec* datums, uint32_t count);
  uint32_t send_plain(const iovec* datums, uint32_t count);

  Output output_;
};

}  // namespace sdr
