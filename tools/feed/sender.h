// Sends datagrams in bursts, and counts what became of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/feed/options.h"

namespace sdr {

struct SendCounts {
  uint64_t datagrams = 0;
  uint64_t bytes = 0;
  uint64_t errors = 0;  // datagrams that could not be sent
  int last_errno = 0;
};

class Sender {
 public:
  // Resolves, makes the socket and connects it; throws std::runtime_error that says what is wrong.
  explicit Sender(const FeedOptions& options);
  ~Sender();
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  // Sends all of them. A full buffer is waited for; ECONNREFUSED is the answer to an earlier
  // datagram and no reason to stop; any other error costs the one datagram.
  void send(const std::vector<std::string>& datagrams);
  const SendCounts& counts() const { return counts_; }

 private:
  int fd_ = -1;
  SendCounts counts_;
};

}  // namespace sdr
