// A channel's rejected datagrams, from a ring to rejected/: a service of its own, and whatever
// stands in its way never stops the datums.
#pragma once

#include "relay/format/counters.h"
#include "relay/options.h"
#include "relay/recording.h"
#include "relay/ring.h"

namespace sdr {

class Rejects {
 public:
  Rejects(const Options& options, WriterCounters* counters);

  // Takes up where `ring` left off, in the channel's directory `dir_fd`, which stays the caller's
  // and open until drop().
  void attach(int dir_fd, const Ring& ring);
  void drop();

  // Keeps what there is. Where it cannot be kept, as the log then says once, it waits in the ring
  // as long as that is half empty; then it makes way, counted.
  void drain(const Ring& ring);
  // The same of a ring that nobody comes back to: nothing is left in it.
  void finish(const Ring& ring);

  void sync();
  void seal();
  bool is_due(int64_t now_us) const { return recording_.is_due(now_us); }
  Recording* recording() { return &recording_; }  // for its repair
  bool has_open_segment() const { return recording_.is_open(); }

 private:
  Status open_directory(const Ring& ring);
  void note(const Status& status);

  const Options& options_;
  WriterCounters* counters_;
  Recording recording_;
  int dir_fd_ = -1;
  bool failing_ = false;
  int64_t retry_ns_ = 0;  // monotonic
};

}  // namespace sdr
