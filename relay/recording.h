// One output directory: the open segment in it, its rotation, and the names under which segments
// are sealed.
//
// What has been consumed and how long the file is are published together (ring.h, Recorded), so
// that whoever comes next, after any kill, knows what `.open` holds:
//   it has a final name as well                  sealed: finish that
//   its marker and start are the ring's, a       cut it to file_bytes and go on
//   block ends at file_bytes
//   its marker is the ring's, file_bytes and     nothing of it was published: unlink it
//   file_blocks are 0
//   another segment of the channel, from         torn: put off until its repair (repair.h),
//   before this ring, or the ring lies           which goes on beside the recording
//   anything else, or its header is damaged      set aside as `.broken-STAMP`
// A segment's name and marker are published before the file is made, and its end after the file is
// sealed.
//
// A name is the segment's start, or 1 µs after the newest name where the clock has been set back
// since: names sort in the order of recording, and nothing is overwritten. That holds for at most
// kAheadUsMax. A name further ahead of the clock was given while the clock was wrong, or the clock
// is wrong now. The clock is believed if it is synchronised, or if there is a name of the last
// kConfirmedUsMax before it: then names follow it again, at once. Otherwise (a host without a clock
// of its own, just booted) they go on behind the newest name until it is.
#pragma once

#include <stdint.h>
#include <sys/stat.h>

#include <span>

#include "relay/format/ocf.h"
#include "relay/index_file.h"
#include "relay/ring.h"
#include "relay/segment_dir.h"
#include "relay/segment_file.h"

namespace sdr {

constexpr int64_t kAheadUsMax = 3 * 86400ll * 1000000;
constexpr int64_t kConfirmedUsMax = 30 * 86400ll * 1000000;

struct RecordingOptions {
  SegmentNaming naming;
  uint64_t segment_bytes = 1ull << 30;
  uint64_t rotate_s = 3600;
  // Of everything in the directory; 0: unbounded. The oldest files are deleted, but none that was
  // begun within the last hour: beyond that, begin_block() fails with EDQUOT.
  uint64_t total_bytes_max = 0;
  bool has_index = false;  // each segment has one beside it
};

class Recording {
 public:
  Recording(const RecordingOptions& options, uint8_t* buffer, size_t buffer_bytes)
      : options_(options), file_(buffer, buffer_bytes) {}

  // Takes over directory `dir_fd` (owned) for a ring's `state`; `header` is the constant part of
  // new segments. `told` are the losses that rows told of before this ring.
  Status attach(UniqueFd dir_fd, Flip<Recorded>* state, std::span<const uint8_t> header,
                const Losses& told);
  bool attached() const { return state_ != nullptr; }
  // Forgets file and directory, as a kill would; attach() is the way back.
  void drop();

  // Begins a block of `bytes` bytes of data, which the caller puts where the result points;
  // end_block() then writes it and its row of the index, and publishes `consumed` (index, bytes,
  // datums, position, losses, last_time_ns). `first_time_ns` names a segment that begins here.
  Result<uint8_t*> begin_block(uint64_t datums, uint64_t bytes, int64_t first_time_ns);
  Status end_block(const Recorded& consumed);
  // All that is lost by now, for the row that a seal writes.
  void note_losses(const Losses& losses) { losses_ = losses; }

  // fdatasync, if anything was written since the last one; *synced says whether.
  Status sync(bool* synced);
  bool is_due(int64_t now_us) const;  // the open segment has crossed its time boundary
  Status seal();                      // no open segment: nothing to do

  // For the repair: its directory, the header of new segments, and the seal of what is `name`.
  int dir() const { return dir_.get(); }
  const SegmentNaming& naming() const { return options_.naming; }
  std::span<const uint8_t> header() const { return header_; }
  Status seal_torn(const char* name, int64_t start_us);

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
  Result<bool> clear_open(const struct stat& status);
  Result<bool> finish_seal(int64_t start_us);
  Status begin_segment(int64_t first_time_ns);
  Status open_index();
  Status append_row(IndexRow* row, const Losses& losses);
  Status finish_index();
  Status rename_index(int64_t start_us);
  Status publish();
  Status sync_place();
  int64_t last_name(int64_t now_us);
  Status make_room();
  Status note_failure(const Status& status);

  RecordingOptions options_;
  SegmentFile file_;
  IndexFile index_;
  UniqueFd dir_;
  Flip<Recorded>* state_ = nullptr;
  std::span<const uint8_t> header_;
  Recorded recorded_ = {};
  int64_t last_start_us_ = 0;
  bool told_ahead_ = false;
  bool unsynced_ = false;
  // The open segment met an error of its disk: what follows goes to a new one, as soon as this one
  // can be sealed.
  bool give_up_segment_ = false;
  bool zeros_ = false;        // what is not synced holds sectors of zeros (synced_mark.h) …
  bool marked_ = false;       // … and what was synced did, too
  bool named_ = false;        // `.open` keeps its name over a power cut …
  bool placed_ = false;       // … and the directory its own
  uint64_t block_bytes_ = 0;  // of the block begun: head, data
  IndexRow row_ = {};         // … and its row
  Losses losses_ = {};
  uint64_t sealed_ = 0;
};

}  // namespace sdr
