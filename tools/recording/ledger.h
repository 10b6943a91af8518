// What the index of a segment and its blocks say of each other, and what was lost when.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "relay/format/index.h"
#include "tools/recording/index_reader.h"

namespace sdr::recording {

constexpr size_t kLossPeriodsMax = 100;  // of a segment; those behind are only summed up

// Rows in a row that tell of a loss. What a row tells of was lost behind the row before.
struct LossPeriod {
  bool has_from = false;
  bool has_to = false;
  int64_t from_us = 0;
  int64_t to_us = 0;
  Losses losses = {};
};

// The books of one segment.
struct Account {
  enum class Index : uint8_t { kUnread, kMissing, kOther, kBad, kRead };
  Index index = Index::kUnread;
  std::string trouble;             // kBad: all of it; kRead: it ends there
  int64_t blocks_without_row = 0;  // what was lost before them is not known
  int64_t blocks_unlike_row = 0;   // they have other numbers of datums
  int64_t rows_without_block = 0;  // their datums are not in the segment
  uint64_t datums_without_block = 0;
  int64_t rows_without_times = 0;  // made by a repair: what was lost before them is not known
  int64_t periods_left_out = 0;
  std::vector<LossPeriod> periods;  // of what is missing, and of restarts, resets and clock steps
  Losses losses = {};               // all
  bool has_last_time = false;
  int64_t last_time_us = 0;

  // The index is one, is this segment's, and they say the same.
  bool is_consistent() const {
    return trouble.empty() && index != Index::kOther && index != Index::kBad &&
           blocks_without_row == 0 && blocks_unlike_row == 0 && rows_without_block == 0;
  }
};

class Ledger {
 public:
  // `path` is the index's, `sync` the segment's marker; `before`: the books of the segment before
  // this one, or null.
  Ledger(const std::string& path, std::span<const uint8_t> sync, bool growing,
         const Account* before);
  // By the index that is open in `index`, which may be empty; the segment does not grow.
  Ledger(UniqueFd index, std::span<const uint8_t> sync, const Account* before);

  // The blocks as they are found, in order.
  void note_block(uint64_t offset, int64_t datums);
  // The segment has been read up to `end`.
  Account finish(uint64_t end);

 private:
  struct Block {
    uint64_t offset;
    int64_t datums;
  };
  void begin(IndexReader::Opened opened, const Account* before);
  bool has_row();
  bool match(const Block& block);
  void take_row();
  void note_without_block();
  void note_losses(const Losses& losses);
  void read_grown();

  const std::string path_;
  const std::vector<uint8_t> sync_;
  const bool growing_;
  IndexReader reader_;
  bool has_row_ = false;
  IndexRow row_ = {};
  uint64_t rows_end_ = 0;      // offset behind that of the last row taken
  bool in_period_ = false;     // the last row told of a loss
  std::vector<Block> behind_;  // of a growing segment: their rows had not been read
  Account account_;
};

// Of it, what a recording lacks; the rest are events.
Losses missing_of(const Losses& losses);

}  // namespace sdr::recording
