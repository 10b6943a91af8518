// The writer as the receiver's child: started, woken, replaced when it dies, waited for at the end.
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "relay/fd.h"
#include "relay/format/counters.h"
#include "relay/options.h"
#include "relay/ring.h"

namespace sdr {

class WriterProcess {
 public:
  WriterProcess(const Options& options, const Ring& ring, int ring_dir_fd, CountersPage* counters)
      : options_(options), ring_(ring), ring_dir_fd_(ring_dir_fd), counters_(counters) {}

  void start();
  // Replaces it where it has died, at most once a second, and only after waitpid: no write of its
  // is in flight then.
  void reap();
  void wake();
  // Lets it drain and seal, and waits for it.
  void finish();

 private:
  [[noreturn]] void become_writer(int pipe_fd);

  const Options& options_;
  const Ring& ring_;
  int ring_dir_fd_;
  CountersPage* counters_;
  pid_t pid_ = -1;
  UniqueFd pipe_;
  int64_t started_ns_ = 0;
};

}  // namespace sdr
