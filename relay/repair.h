// Brings back torn segments: those that were left open by a power cut or with a ring that is lost.
//
// All of a torn segment is read, and its sound blocks (format/block_scan.h) come to stand in a
// sealed one; what is between them is told, one line a range. Where only the end is bad, the file
// is cut there. Where sound blocks follow a hole, the sound ones are copied to `.mending`, which
// then takes the torn one's name by a rename: a sealed file must read cleanly in every Avro reader,
// and none goes on behind a hole. A file without any sound block is set aside as `.broken-STAMP`.
//
// A torn segment has at every moment one name under which all that is sound is found again, and
// what is sealed is no longer torn. So a kill at any point, and whatever the disk has of it after
// a power cut, leads to the same files at the next start: nothing lost, nothing twice.
//
// It goes on beside the recording, a piece at a time, since the ring would not hold what comes in
// while a large segment is read.
#pragma once

#include <stdint.h>

#include <span>
#include <string_view>

#include "relay/index_mend.h"
#include "relay/recording.h"
#include "relay/segment_scan.h"

namespace sdr {

class Repair {
 public:
  // A recording, attached or not, and the layout of the datums that it records now. It holds for
  // older segments of the same schema; of others only the framing can be verified.
  struct Job {
    Recording* recording;
    std::string_view layout;
    bool receive_time;  // each datum is followed by it
  };

  Repair();
  // Does a piece of what is to do. False: nothing is, or for a while nothing can be.
  bool step(std::span<const Job> jobs);
  // Forgets what it was at, as a kill would.
  void stop();

 private:
  enum class Phase : uint8_t { kLook, kScan, kCopy };
  static constexpr size_t kToldMax = 16;

  static Reject check_block(const OcfBlock& block, void* repair);
  Status work(const Job& job);
  Status look(const Job& job);
  Status begin(const Job& job, int64_t start_us);
  Status advance(const Job& job);
  Status finish_scan(const Job& job);
  Status begin_copy(const Job& job);
  Status finish_copy(const Job& job);
  Status begin_pass(const Job& job);
  Status note(const Job& job, const ScanFound& found);
  Status seal(const Job& job, uint64_t end_bytes);
  Status give_up(const Job& job, const char* why);
  Status put(std::span<const uint8_t> bytes);
  void tell_lost() const;
  void rest(int64_t for_ns);

  Phase phase_ = Phase::kLook;
  size_t job_ = 0;
  bool failed_ = false;
  int told_errno_ = 0;
  int64_t resume_ns_ = 0;

  char name_[kAsideNameBytesMax] = "";
  UniqueFd fd_;
  SegmentHead head_;
  SegmentScan scan_;
  SegmentFile copy_;
  IndexMend index_;
  uint64_t synced_bytes_ = 0;   // of the copy
  bool is_validated_ = false;   // datums are, not only framing
  uint64_t certain_bytes_ = 0;  // of the torn one; see synced_mark.h

  uint64_t good_bytes_ = 0;  // header and sound blocks up to the first loss
  uint64_t blocks_ = 0;
  bool has_hole_ = false;  // a sound block follows a loss
  bool all_zero_ = true;   // everything that is lost
  uint64_t lost_bytes_ = 0;
  uint64_t lost_count_ = 0;
  LostRange lost_[kToldMax];
};

}  // namespace sdr
