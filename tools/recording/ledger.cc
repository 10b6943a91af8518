#include "tools/recording/ledger.h"

namespace sdr::recording {
namespace {

uint64_t saturating_sum(uint64_t a, uint64_t b) { return b > UINT64_MAX - a ? UINT64_MAX : a + b; }

}  // namespace

Losses missing_of(const Losses& losses) {
  Losses missing = losses;
  missing.duplicates = missing.reordered = missing.resets = 0;
  missing.restarts = missing.clock_steps = 0;
  return missing;
}

Ledger::Ledger(const std::string& path, std::span<const uint8_t> sync, bool growing,
               const Account* before)
    : path_(path), sync_(sync.begin(), sync.end()), growing_(growing) {
  begin(reader_.open(path, sync, growing), before);
}

Ledger::Ledger(UniqueFd index, std::span<const uint8_t> sync, const Account* before)
    : sync_(sync.begin(), sync.end()), growing_(false) {
  begin(index ? reader_.open(std::move(index), sync, false) : IndexReader::Opened::kMissing,
        before);
}

void Ledger::begin(IndexReader::Opened opened, const Account* before) {
  if (before) {
    account_.has_last_time = before->has_last_time;
    account_.last_time_us = before->last_time_us;
  }
  switch (opened) {
    case IndexReader::Opened::kYes:
      account_.index = Account::Index::kRead;
      break;
    case IndexReader::Opened::kMissing:
      account_.index = Account::Index::kMissing;
      break;
    case IndexReader::Opened::kOther:
      account_.index = Account::Index::kOther;
      break;
    case IndexReader::Opened::kBad:
      account_.index = Account::Index::kBad;
      account_.trouble = reader_.trouble();
      break;
  }
}

bool Ledger::has_row() {
  if (!has_row_ && account_.index == Account::Index::kRead) has_row_ = reader_.next(&row_);
  return has_row_;
}

// A loss may have begun right behind the datums of the row before, and ended before the last ones
// of this row.
void Ledger::note_losses(const Losses& losses) {
  account_.losses = account_.losses + losses;
  Losses told = losses;
  told.duplicates = told.reordered = 0;
  if (is_none(told)) {
    in_period_ = false;
    return;
  }
  if (!in_period_) {
    if (account_.periods.size() == kLossPeriodsMax) {
      ++account_.periods_left_out;
      return;
    }
    account_.periods.push_back(
        {.has_from = account_.has_last_time, .from_us = account_.last_time_us});
  }
  LossPeriod& period = account_.periods.back();
  period.losses = period.losses + told;
  period.has_to = row_.has_times;
  period.to_us = row_.last_time_us;
  in_period_ = true;
}

void Ledger::take_row() {
  has_row_ = false;
  rows_end_ = row_.offset + (row_.datums > 0);
  note_losses(row_.losses);
  if (!row_.has_times) ++account_.rows_without_times;
  account_.has_last_time = row_.has_times;
  account_.last_time_us = row_.last_time_us;
}

void Ledger::note_without_block() {
  ++account_.rows_without_block;
  account_.datums_without_block = saturating_sum(account_.datums_without_block, row_.datums);
}

// Takes the rows up to that of `block`; false: there is none.
bool Ledger::match(const Block& block) {
  for (; has_row() && row_.offset <= block.offset; take_row()) {
    if (row_.datums == 0) continue;
    if (row_.offset == block.offset) {
      account_.blocks_unlike_row += row_.datums != static_cast<uint64_t>(block.datums);
      take_row();
      return true;
    }
    note_without_block();
  }
  return false;
}

void Ledger::note_block(uint64_t offset, int64_t datums) {
  if (account_.index != Account::Index::kRead) return;
  const Block block = {offset, datums};
  if (behind_.empty() && match(block)) return;
  if (growing_ && !has_row() && reader_.trouble().empty())
    behind_.push_back(block);
  else
    ++account_.blocks_without_row;
}

// The rows that came while the segment was read. That of its last block may still be to come.
void Ledger::read_grown() {
  const std::vector<Block> blocks = std::move(behind_);
  reader_ = {};
  const uint64_t read_to = rows_end_;
  if (reader_.open(path_, sync_, growing_) == IndexReader::Opened::kYes) {
    while (has_row() && row_.offset < read_to) has_row_ = false;
  }
  int64_t without = 0;
  bool has_last = true;
  for (const Block& block : blocks) {
    has_last = match(block);
    without += !has_last;
  }
  account_.blocks_without_row += has_last ? without : without - 1;
}

Account Ledger::finish(uint64_t end) {
  if (!behind_.empty()) read_grown();
  while (has_row() && !(growing_ && row_.datums > 0 && row_.offset >= end)) {
    if (row_.datums > 0) note_without_block();
    take_row();
  }
  if (account_.index == Account::Index::kRead) account_.trouble = reader_.trouble();
  return account_;
}

}  // namespace sdr::recording
