// The times of datums that do not carry them: those of their blocks, as the index has them, spread
// evenly. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "relay/format/index.h"

namespace sdr::recording {

class BlockTimes {
 public:
  // The times of a block's datums: the one numbered i was received at base + span * (i + plus) /
  // of.
  struct Spread {
    int64_t base_ns = 0;
    int64_t span_ns = 0;
    int64_t plus = 0;
    int64_t of = 1;
    int64_t at(int64_t i) const;
  };

  // The rows of a segment that was begun at `start_us`, or -1. Blocks without times of their own
  // lie evenly between those around them; where there are none on one side, at the rate of the
  // block beside them.
  BlockTimes(const std::vector<IndexRow>& rows, int64_t start_us);

  // Of the block at `offset`, which has `datums`. Called in the order of the blocks; one that has
  // no row follows the one before it at the same rate.
  Spread next(uint64_t offset, int64_t datums);

 private:
  struct Block {
    uint64_t offset;
    int64_t datums;
    bool has_times;
    Spread spread;
  };
  void settle_unknown(size_t begin, size_t end, int64_t start_us);

  std::vector<Block> blocks_;
  size_t at_ = 0;
  int64_t last_ns_ = 0;      // of the block before
  int64_t interval_ns_ = 0;  // within it
};

}  // namespace sdr::recording
