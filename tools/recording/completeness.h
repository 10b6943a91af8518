// What --check says of a recording as a whole: is everything there that was sent to it?
#pragma once

#include <cstdint>
#include <string>

#include "tools/recording/ledger.h"
#include "tools/recording/tally.h"

namespace sdr::recording {

// "12 lost in 3 gaps, 40 dropped by the kernel"; empty where nothing is.
std::string losses_text(const Losses& losses);

// "between 2026-11-22T21:15:00.000000+0100 and 21:15:03.400000", "until …", "at a time not known".
std::string period_text(const LossPeriod& period, bool utc);

// What stands behind a file's verdict: ", no index", ", 2 blocks are not in the index"; or nothing.
std::string account_text(const Account& account);

// The lines below it, each indented: what was lost when, and what came otherwise than it was sent.
std::string losses_lines(const Account& account, bool utc);

// All files together.
class Completeness {
 public:
  void add(const Tally& tally);
  bool is_missing() const;  // something is known not to be there
  // "complete", "not complete: …" or "not known to be complete: …".
  std::string verdict() const;

 private:
  std::string missing_text() const;
  std::string unknown_text() const;

  int64_t files_ = 0;
  int64_t damaged_ = 0;  // files that are not sound, or whose index says otherwise than they
  int64_t without_index_ = 0;
  int64_t bad_index_ = 0;
  int64_t unknown_places_ = 0;  // blocks without a row, rows without times
  uint64_t recovered_ = 0;      // datums that had been rejected
  uint64_t absent_ = 0;         // datums that only the index knows
  Losses losses_ = {};
};

}  // namespace sdr::recording
