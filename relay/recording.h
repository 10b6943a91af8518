// One output directory: the open segment in it, its rotation, and the names under which segments
// are sealed.
//
// What has been consumed and how long the file is are published together (ring.h, Recorded), so
// that whoever comes next, after any kill, knows what `.open` holds:
//   file_bytes > 0, `.open` has that sync marker, a block ends there, one link    cut it, go on
//   the same, two links                                          sealed already: unlink `.open`
//   file_bytes and file_blocks 0, `.open` has that sync marker   nothing was published: unlink it
//   any other `.open`                                            from before this ring, or the ring
//                                                                lies: cut at its last good block,
//                                                                seal
// A segment's name and marker are published before the file is made, and its end after the file is
// sealed.
#pragma once

#include <stdint.h>

#include <span>

#include "relay/format/ocf.h"
#include "relay/format/segment_name.h"
#include "relay/ring.h"
#include "relay/segment_file.h"

namespace sdr {

constexpr char kOpenSegment[] = ".open";

struct RecordingOptions {
  std::string_view channel;
  uint32_t mode = 0640;
  bool dated = true;  // sealed segments stand in date= directories
  uint64_t segment_bytes = 1ull << 30;
  uint64_t rotate_s = 3600;
  // Of everything in the directory; 0: unbounded. The oldest files are deleted, but none that was
  // begun within the last hour: beyond that, begin_block() fails with EDQUOT.
  uint64_t total_bytes_max = 0;
};

class Recording {
 public:
  Recording(const RecordingOptions& options, uint8_t* buffer, size_t buffer_bytes)
      : options_(options), file_(buffer, buffer_bytes) {}

  // Takes over directory `dir_fd` (owned) for a ring's `state`; `header` is the constant part of
  // new segments.
  Status attach(UniqueFd dir_fd, Flip<Recorded>* state, std::span<const uint8_t> header);
  bool attached() const { return state_ != nullptr; }
  // Forgets file and directory, as a kill would; attach() is the way back.
  void drop();

  // Begins a block of `bytes` bytes of data, which the caller puts where the result points;
  // end_block() then writes it and publishes `consumed` (index, bytes, datums, position).
  // `first_time_ns` names a segment that begins here.
  Result<uint8_t*> begin_block(uint64_t datums, uint64_t bytes, int64_t first_time_ns);
  Status end_block(const Recorded& consumed);

  // fdatasync, if anything was written since the last one; *synced says whether.
  Status sync(bool* synced);
  bool is_due(int64_t now_us) const;  // the open segment has crossed its time boundary
  Status seal();                      // no open segment: nothing to do

  const Recorded& state() const { return recorded_; }
  bool is_open() const { return file_.is_open(); }
  bool is_direct() const { return file_.is_direct(); }
  uint64_t take_sealed() {
    uint64_t n = sealed_;
    sealed_ = 0;
    return n;
  }

 private:
  Status take_over_open();
  Status repair_open();
  Status begin_segment(int64_t first_time_ns);
  Status link_sealed(int64_t* start_us);
  Status publish();
  void find_last_start();
  Status make_room();
  Status note_failure(const Status& status);

  RecordingOptions options_;
  SegmentFile file_;
  UniqueFd dir_;
  Flip<Recorded>* state_ = nullptr;
  std::span<const uint8_t> header_;
  Recorded recorded_ = {};
  int64_t last_start_us_ = 0;
  bool unsynced_ = false;
  // The open segment met an error of its disk: what follows goes to a new one, as soon as this one
  // can be sealed.
  bool give_up_segment_ = false;
  uint64_t block_bytes_ = 0;  // of the block begun: head, data
  uint64_t sealed_ = 0;
};

}  // namespace sdr
