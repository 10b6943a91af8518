// Sends datagrams in bursts, and counts what became of them.
#pragma once

#include <signal.h>

#include <cstdint>
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
  void send(const std::vector<std::string>& datagrams);
  const SendCounts& counts() const { return counts_; }

 private:
  int fd_ = -1;
  const volatile sig_atomic_t* stopped_;
  SendCounts counts_;
};

}  // namespace sdr
