// Sends datagrams in bursts, and counts what became of them.
//
// Equal ones in a row leave as one UDP_SEGMENT send where the kernel can: receivers see single
// datagrams all the same.
#pragma once

#include <signal.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tools/feed/options.h"

namespace sdr {

struct SendCounts {
  uint64_t datagrams = 0;
  uint64_t bytes = 0;
  uint64_t errors = 0;   // datagrams that could not be sent
  uint64_t refused = 0;  // answers that nobody listens, seen between sends
  int last_errno = 0;
};

using Datagram = std::span<const uint8_t>;

class Sender {
 public:
  // Resolves, makes the socket and connects it; throws std::runtime_error that says what is wrong.
  // Once `*stopped` is set, nothing is waited for any more.
  Sender(const FeedOptions& options, const volatile sig_atomic_t* stopped);
  ~Sender();
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  // Sends all of them, unless stopped. A full buffer is waited for; ECONNREFUSED is the answer to
  // an earlier datagram and no reason to stop; any other error costs the one datagram.
  void send(std::span<const Datagram> datagrams);
  void send(const std::vector<std::string>& datagrams);
  const SendCounts& counts() const { return counts_; }

 private:
  size_t run_at(std::span<const Datagram> datagrams, size_t run_max) const;
  void settle_error(int sys_errno, size_t first_run, size_t first_size, size_t* at);

  int fd_ = -1;
  size_t segment_bytes_max_ = 0;  // of what may leave as one; 0: nothing
  const volatile sig_atomic_t* stopped_;
  SendCounts counts_;
};

}  // namespace sdr
