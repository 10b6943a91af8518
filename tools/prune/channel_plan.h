// One channel on its way through the plan (plan.h has the rules).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tools/prune/plan.h"

namespace sdr::prune {

// Segments are meant by their places in found().segments.
class ChannelPlan {
 public:
  // Both must outlive it.
  ChannelPlan(const FoundChannel& channel, const Circumstances& circumstances);

  const FoundChannel& found() const { return channel_; }
  const std::string& name() const { return channel_.name; }
  size_t count() const { return count_; }  // of segments, those without data not counted
  uint64_t used_bytes() const { return used_bytes_; }  // without what was taken
  int64_t age_us(size_t i) const;
  void take(size_t i);

  // Indexes that belong to nothing any more, and to nothing that is still to come.
  std::vector<size_t> orphans() const;
  // What goes for age, *aged of them, and then for size, oldest first. None of it is taken yet, for
  // it may be refused.
  std::vector<size_t> over(const Limits& limits, size_t* aged,
                           std::vector<Finding>* findings) const;
  // Whether so many are more than may go in one run.
  bool is_too_much(size_t count) const { return !circumstances_.is_forced && 2 * count > count_; }
  // The oldest that the disk gains something by, from `from` on, or the number of segments.
  size_t next_freeing(size_t from) const;
  // Days that nothing is left in, and that no relay is about to put something in.
  std::vector<size_t> empty_days() const;

 private:
  bool may_go(size_t i) const {
    return channel_.segments[i].data.is_there && !is_newest_[i] && !is_gone_[i];
  }
  std::vector<size_t> over_age(int64_t age_s, std::vector<Finding>* findings) const;
  bool is_awaited(int64_t start_us) const;
  bool is_awaited_day(int64_t day_us) const;

  const FoundChannel& channel_;
  const Circumstances& circumstances_;
  std::vector<bool> is_gone_;
  std::vector<bool> is_newest_;  // of the datums', of the rejected ones
  std::vector<int64_t> end_us_;  // nothing in it is younger
  uint64_t used_bytes_;
  size_t count_ = 0;
  int64_t newest_us_ = -1;
};

}  // namespace sdr::prune
