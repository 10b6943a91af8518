// A channel's directory: its lock, its two recordings (datums and rejects), and the way from a ring
// into them.
#pragma once

#include "relay/fd.h"
#include "relay/format/counters.h"
#include "relay/options.h"
#include "relay/recording.h"
#include "relay/ring.h"

namespace sdr {

class Store {
 public:
  Store(const Options& options, WriterCounters* counters);

  // Makes the channel's directory and takes its lock; no error but not is_open(): another writer
  // holds it.
  Status open();
  bool is_open() const { return static_cast<bool>(directory_); }
  // Forgets everything, as a kill would; after an error this is the way back to what has been
  // published.
  void drop();

  // Takes up where `ring` left off.
  Status attach(const Ring& ring);
  bool attached() const { return data_.attached(); }
  void detach();

  Status drain(const Ring& ring);  // everything committed
  Status sync();
  Status seal();
  bool is_due(int64_t now_us) const { return data_.is_due(now_us) || rejects_.is_due(now_us); }
  bool has_open_segment() const { return data_.is_open() || rejects_.is_open(); }

  // A ring whose receiver is gone: everything in it, the batch in hand, the seal.
  Status finish(const Ring& ring);

 private:
  Status attach_rejects(const Ring& ring);
  bool salvage(const Ring& ring);

  const Options& options_;
  WriterCounters* counters_;
  Recording data_;
  Recording rejects_;
  UniqueFd directory_;
  bool warned_buffered_ = false;
};

}  // namespace sdr
