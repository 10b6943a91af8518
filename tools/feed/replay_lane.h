// One lane of a replay at work: a thread that reads ahead, and the front of what it has read.
#pragma once

#include <signal.h>

#include <chrono>
#include <cstdint>
#include <thread>

#include "tools/feed/batch_queue.h"
#include "tools/feed/lane_reader.h"
#include "tools/feed/replay_plan.h"
#include "tools/feed/sender.h"

namespace sdr {

class ReplayLaneAtWork {
 public:
  // `say` is called by the thread that reads.
  ReplayLaneAtWork(ReplayLane lane, Sender* sender, const LaneOptions& options, size_t batches,
                   decltype(LaneSink::say) say);

  // Reads ahead from here on, in a thread that gets no signals.
  void start();
  // Wait for the first datum, and for all that is read ahead.
  void wait_first(const volatile sig_atomic_t* stopped);
  void wait_ready(std::chrono::steady_clock::time_point until) { queue_.wait_ready(until); }
  // Nothing of it can be sent, for a reason that is no damage.
  bool has_failed() { return queue_.is_at_end() && exit_code_ >= 100; }
  // Nothing more is wanted. Returns the exit code of what was read.
  int finish();

  // Brings the next batch to the front, for which it waits. False: nothing comes any more.
  bool fetch(const volatile sig_atomic_t* stopped);
  // The datum at the front, and the step to the next. False: the batch is used up; its bytes stay
  // until fetch().
  int64_t time_ns() const { return sending_->datums[at_].time_ns; }
  Datagram datagram() const { return sending_->bytes_of(at_); }
  bool step() { return ++at_ < sending_->datums.size(); }

  Sender& sender() const { return *sender_; }
  uint64_t slow_reads() const { return slow_reads_; }
  uint64_t clock_steps() const { return reader_.clock_steps(); }

 private:
  bool take(int64_t time_ns, std::span<const uint8_t> datum);
  void end_block();
  void read();

  ReplayLane lane_;
  Sender* sender_;
  LaneSink sink_;
  LaneReader reader_;
  BatchQueue queue_;
  Batch* filling_ = nullptr;
  Batch* sending_ = nullptr;
  size_t at_ = 0;
  uint64_t slow_reads_ = 0;
  int exit_code_ = 0;
  std::thread thread_;
};

}  // namespace sdr
