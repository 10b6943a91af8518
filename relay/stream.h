// One output: datums in, datagrams out, as few system calls as the kernel allows.
//
// Runs of equal length leave as one UDP_SEGMENT send (subscribers see single datagrams). Where that
// is not to be had, or a length exceeds the route's MTU, they leave by sendmmsg. Trouble is counted
// here and warned about once per change of state; it never reaches another stream or the recording.
#pragma once

#include <sys/uio.h>

#include "relay/fd.h"
#include "relay/format/counters.h"
#include "relay/options.h"
#include "relay/ring.h"

namespace sdr {

class Stream {
 public:
  // Makes the socket. Errors are what the host lacks (interface); a missing route is no error.
  Status open(const Options& options, const StreamOptions& to, StreamCounters* counters);

  // Sends every datum, or of a decimated stream the last of each window.
  void send(const iovec* datums, uint32_t count);

 private:
  void send_all(const iovec* datums, uint32_t count);
  uint32_t send_run(const iovec* datums, uint32_t count);
  uint32_t send_plain(const iovec* datums, uint32_t count);
  bool connected();
  void address(msghdr* message);
  bool may_retry(int sys_errno);
  void went(const iovec* datums, uint32_t count);
  void failed(uint32_t count, int sys_errno);

  UniqueFd fd_;
  Address to_ = {};
  char to_text_[kAddressTextMax] = {};
  uint32_t factor_ = 1;
  uint32_t in_window_ = 0;
  bool connected_ = false;
  bool addressed_ = false;  // every send names its destination, and the route decides anew
  int64_t next_connect_ns_ = 0;
  bool segments_ = false;                    // UDP_SEGMENT works here
  size_t segment_bytes_max_ = kWindowBytes;  // longer ones did not fit the route …
  int64_t next_longer_ns_ = 0;               // … which may have changed by then
  bool in_trouble_ = false;
  int64_t last_failure_ns_ = 0;
  StreamCounters* counters_ = nullptr;
};

}  // namespace sdr
