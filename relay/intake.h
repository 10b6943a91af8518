// What becomes of a received batch: judged, copied into the ring, handed to the streams, committed.
//
// take() can be run again over the same journal after a kill -9 at any point and comes to the same
// result: the windows are left as they are, everything it writes lies behind what is committed, and
// each message's way to the rejects is marked before it is gone. The receiver runs take(), sends,
// and commits; the writer that finds its receiver dead runs salvage().
#pragma once

#include <stdint.h>
#include <sys/uio.h>

#include <span>

#include "relay/address.h"
#include "relay/format/counters.h"
#include "relay/format/layout.h"
#include "relay/ring.h"

namespace sdr {

// One batch after take(). Entries are in order of arrival.
struct Batch {
  uint32_t received = 0;
  uint64_t received_bytes = 0;
  int64_t first_time_ns = 0;  // receive times of the first and the last, whatever they were
  int64_t last_time_ns = 0;
  uint32_t datums = 0;     // valid ones
  iovec datum[kBatchMax];  // where they stand: the ring, or the window where it had no room
  uint32_t relayed_invalid = 0;
  iovec invalid[kBatchMax];
  int64_t invalid_time_ns[kBatchMax];
  uint32_t rejected = 0;
  uint32_t rejected_by_reason[kRejectReasons] = {};
  uint32_t rejects_not_kept = 0;
  uint32_t unrecorded = 0;
  int64_t time_ns[kBatchMax];  // of each valid datum
  uint32_t kernel_drops = 0;   // SO_RXQ_OVFL's running count where the kernel sent one
  bool has_kernel_drops = false;

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

  // Names the batch that is received next, so that a successor would finish it.
  void expect() const;
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
  uint32_t first_left(uint64_t sequence) const;
  void note_number(std::span<const uint8_t> datum, int64_t time_ns);
  void sum_up();
  void take_one(uint32_t index, int64_t now_ns, Batch* batch);
  Reject judge(uint32_t index, std::span<const uint8_t> datagram) const;
  bool append(std::span<const uint8_t> datum, int64_t time_ns);
  bool has_room(uint64_t bytes);
  bool has_reject_room(uint64_t bytes) const;
  bool keep_reject(uint32_t index, std::span<const uint8_t> datagram, Reject reason,
                   int64_t time_ns);

  const Ring& ring_;
  const Layout& layout_;
  IntakeRules rules_;
  Committed committed_;             // as it will be after commit()
  uint32_t sequence_op_ = kNoOp;    // of the layout: the number that counts the datums
  uint64_t consumed_position_ = 0;  // what the writer had freed when last looked
  uint64_t consumed_index_ = 0;
  uint64_t consumed_at_ = 0;  // consumed_position_ when the batch began
};

}  // namespace sdr
