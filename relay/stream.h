// One output: datums in, datagrams out, as few system calls as the kernel allows.
//
// Datums of equal length in a row, and one shorter behind them, leave as one UDP_SEGMENT message
// (subscribers see single datagrams); where that is not to be had, or a length exceeds the route's
// MTU, each is a message. All messages of a batch leave by one sendmmsg. What fails never reaches
// another stream or the recording.
#pragma once

#include <sys/uio.h>

#include "relay/output.h"
#include "relay/run.h"

namespace sdr {

class Stream {
 public:
  // Makes the socket; see Output::open.
  Status open(const Options& options, const StreamOptions& to, StreamCounters* counters) {
    return output_.open(options, to.to, counters);
  }

  // Sends every datum.
  void send(const Run* runs, uint32_t count);

  Output& output() { return output_; }

 private:
  struct Cursor {
    const Run* run;
    const Run* end;
    uint32_t done;  // datums of *run
  };
  void add_message(Cursor* from, bool segments);
  void flush();
  void send_all(mmsghdr* messages, const uint32_t* datagrams, uint32_t count);
  void send_plainly(const msghdr& segments);

  Output output_;
};

}  // namespace sdr
