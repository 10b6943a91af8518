// What becomes of a received batch: judged, put into the ring, handed to the streams, committed.
//
// take() can be run again over the same journal after a kill -9 at any point and comes to the same
// result: what has been received stays readable (arrivals.h), everything that is written lies
// behind what is committed, and rejects are written in order behind where the batch's began, so
// those that are there already are known. The receiver runs take(), sends, and commits; the writer
// that finds its receiver dead runs salvage().
#pragma once

#include <stdint.h>

#include <span>

#include "relay/address.h"
#include "relay/arrivals.h"
#include "relay/format/counters.h"
#include "relay/format/layout.h"
#include "relay/ring.h"
#include "relay/run.h"

namespace sdr {

// A super-packet is one run, or two where its last datum is shorter; more only where invalid
// datagrams stand between and nothing is recorded.
constexpr uint32_t kRunsMax = 512;

// One batch after take(). Runs are in order of arrival.
struct Batch {
  uint32_t received;  // datagrams
  uint32_t datums;    // valid ones, to be relayed
  uint64_t received_bytes;
  int64_t first_time_ns;  // receive times of the first and the last, whatever they were
  int64_t last_time_ns;
  int64_t last_datum_ns;  // receive time of the last valid one
  uint32_t rejected;
  uint32_t rejected_by_reason[kRejectReasons];
  uint32_t rejects_not_kept;
  uint32_t unrecorded;
  uint32_t kernel_drops;  // SO_RXQ_OVFL's running count where the kernel sent one
  bool has_kernel_drops;
  uint32_t not_relayed;  // for want of runs
  uint32_t runs;
  uint32_t invalid_runs;
  Run run[kRunsMax];  // where they stand: the ring, or the window where it had no room
  Run invalid[kRunsMax];

  // Takes those received before `from_ns` out of what is to be relayed; returns how many.
  uint32_t leave_out_before(int64_t from_ns);
};

struct IntakeRules {
  std::span<const AddressBlock> allow;
  bool relay_invalid = false;
  bool record = true;                // false: nothing goes into the ring, and that is not counted
  ReceiverCounters* page = nullptr;  // where losses are shown, and some are counted; may be null
};

class Intake {
 public:
  // `layout` is that of the datagrams.
  Intake(const Ring& ring, const Layout& layout, const IntakeRules& rules);

  // Names the batch of up to `count` messages that is received next, so that a successor would
  // finish it. Returns how many may come at once.
  uint32_t expect(uint32_t count);
  // Judges the journal's messages [0, count) and puts the good ones behind what is committed.
  // `now_ns` stands in for a receive time that the kernel did not give.
  void take(uint32_t count, int64_t now_ns, Batch* batch);
  // Commits what was taken, and makes the journal ready for the next batch.
  void commit(uint32_t count) const;

  // A second has gone by: commits what is known by that, unless a batch in hand is yet to be.
  void tick(int64_t now_ns, bool batch_in_hand);
  // No more will come: commits all that is lost.
  void settle(int64_t now_ns);

  // What the batch in hand of a dead receiver would add to these, which are the ring's, if nobody
  // has finished it yet. Changes nothing.
  void foresee(int64_t now_ns, Sequence* sequence, Losses* losses);

  // Finishes the batch that a dead receiver left, if it left one, as far as the ring has room, and
  // adds the datums recovered. True: there is more of it, for when the ring has been drained.
  bool salvage(int64_t now_ns, uint32_t* datums);

  uint64_t end() const { return committed_.open.end(); }

 private:
  static constexpr uint32_t kNoOp = ~0u;
  void begin(Batch* batch);
  void note_number(std::span<const uint8_t> datum, int64_t time_ns);
  void sum_up();
  void take_one(uint32_t index, int64_t now_ns, Batch* batch);
  void take_run(const Run& run, Batch* batch);
  void reject_one(uint32_t index, const Run& datagram, Reject reason, Batch* batch);
  Reject judge_message(uint32_t index) const;
  bool append(const Run& run);
  bool has_room(uint64_t bytes);
  bool has_reject_room(uint64_t bytes) const;
  bool keep_reject(uint32_t index, const Run& datagram, Reject reason);

  const Ring& ring_;
  const Layout& layout_;
  IntakeRules rules_;
  Arrivals arrivals_;
  bool timed_;                      // each datum is followed by its receive time
  Committed committed_;             // as it will be after commit()
  uint32_t sequence_op_ = kNoOp;    // of the layout: the number that counts the datums
  uint64_t consumed_position_ = 0;  // what the writer had freed when last looked
  uint64_t consumed_index_ = 0;
  uint64_t consumed_at_ = 0;    // consumed_position_ when the batch began
  uint64_t reject_cursor_ = 0;  // where the batch's next reject is, or will be
  bool rejects_full_ = false;   // one had no room, and none behind it is kept
  uint32_t message_bytes_ = 0;  // of the last one received
  uint32_t message_count_ = 0;  // of the batch before
  bool alike_ = false;          // all of it and the last of the one before had that length
};

}  // namespace sdr
