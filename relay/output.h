// The way out of one stream: its socket, and what becomes of a send that fails.
//
// Failures are counted, said once per change of state, and none lasts longer than its cause: what
// was refused is tried again with the next datum, and a socket that lacks its interface, its
// address or a route is made anew, at most once a second.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "relay/fd.h"
#include "relay/format/counters.h"
#include "relay/options.h"

namespace sdr {

class Output {
 public:
  // Errors are what the host lacks (an interface); a missing route is none.
  Status open(const Options& options, const Address& to, StreamCounters* counters);

  // Whether there is a socket to send by; to be asked before each batch.
  bool stands();
  // Something has happened to the interfaces.
  void look_at_links();

  int fd() const { return fd_.get(); }
  // Names the destination where the socket is not connected.
  void address(msghdr* message);
  // Whether the kernel knows UDP_SEGMENT, and whether it may be tried with segments so long.
  bool has_segments() const { return segments_; }
  bool takes_segments_of(size_t bytes);
  // It did not, and it is tried again in a second: the route or its MTU may change.
  void refused_segments_of(size_t bytes);

  void went(uint32_t datagrams, uint64_t bytes);
  void failed(uint32_t count, int sys_errno);
  // Whether what has just failed is to be sent again. `*again` begins as false and stays with the
  // datagram.
  bool may_retry(int sys_errno, bool* again);
  // Counts the answers that came to earlier datagrams, which say that those did not arrive. A
  // sendmmsg that such an answer cuts short does not tell.
  uint32_t take_refusals();

 private:
  Status make();
  bool renew();
  bool wait_for_room();

  const Options* options_ = nullptr;
  Address to_ = {};
  char to_text_[kAddressTextMax] = {};
  bool addressed_ = false;  // every send names its destination, and the route decides anew
  UniqueFd fd_;
  unsigned index_ = 0;   // of the interface named; 0: none, or an address
  bool stands_ = false;  // has been connected
  bool moved_ = false;   // another interface has the name now
  int64_t next_make_ns_ = 0;
  bool segments_ = false;
  size_t segment_bytes_max_ = 0;
  int64_t next_segments_ns_ = 0;
  bool in_trouble_ = false;
  int64_t last_failure_ns_ = 0;
  int64_t may_wait_ns_ = 0;
  int64_t may_wait_since_ns_ = 0;
  StreamCounters* counters_ = nullptr;
};

}  // namespace sdr
