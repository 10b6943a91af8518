// A channel's directory: its lock, its two recordings (datums and rejects), and the way from a ring
// into them.
#pragma once

#include "relay/fd.h"
#include "relay/format/counters.h"
#include "relay/options.h"
#include "relay/recording.h"
#include "relay/rejects.h"
#include "relay/repair.h"
#include "relay/ring.h"

namespace sdr {

class Store {
 public:
  Store(const Options& options, WriterCounters* counters);

  // Makes the channel's directory and takes its lock; no error but not is_open(): another writer
  // holds it. ENODEV: nothing is mounted where it is to be; then nothing is made.
  Status open();
  // For poll(2): POLLPRI when what is mounted has changed. -1: nobody cares.
  int mounts_fd() const { return mounts_.get(); }
  // Whether the directory still is on what is mounted there. Otherwise the segments are sealed
  // where they are, so that a disk that is taken away holds complete files.
  Status check_mount();
  bool is_open() const { return static_cast<bool>(directory_); }
  // Forgets everything, as a kill would; after an error this is the way back to what has been
  // published.
  void drop();

  // Takes up where `ring` left off.
  Status attach(const Ring& ring);
  bool attached() const { return data_.attached(); }
  void detach();

  // An operation of the disk begins, or (false) the last one has ended: one that takes its time
  // shows in the counters while it lasts, and in the log when it is over.
  void watch(bool begins);

  // Everything that is committed now, or as much of it as was begun before `until_ns` (wall clock);
  // then is_behind().
  Status drain(const Ring& ring, int64_t until_ns = INT64_MAX);
  bool is_behind() const { return is_behind_; }
  Status sync();
  Status seal();
  bool is_due(int64_t now_us) const { return data_.is_due(now_us) || rejects_.is_due(now_us); }
  bool has_open_segment() const { return data_.is_open() || rejects_.has_open_segment(); }

  // A piece of what is to be repaired; true: there is more to do at once. Only while attached.
  bool repair(const Ring& ring);

  // A ring whose receiver is gone: everything in it, the batch in hand, the seal.
  Status finish(const Ring& ring);

 private:
  Status drain_data(const Ring& ring, int64_t until_ns);
  bool salvage(const Ring& ring);

  const Options& options_;
  WriterCounters* counters_;
  Recording data_;
  Rejects rejects_;
  Repair repair_;
  UniqueFd directory_;
  UniqueFd mounts_;
  bool is_behind_ = false;
  bool warned_buffered_ = false;
};

}  // namespace sdr
