// What a round has done, for people and for programs.
#pragma once

#include <string>

#include "tools/prune/round.h"

namespace sdr::prune {

// Below the storage path; that of a segment's data where it has some.
std::string path_of(const Round& round, const Deletion& deletion);
std::string path_of(const Round& round, const EmptyDay& empty);
// Whether what was planned is gone, but for an index.
bool is_done(const Outcome& outcome);
// "channel=a/…: unable to delete: Permission denied", of a kFailed.
std::string failure_text(const Outcome& outcome, const std::string& path);

struct Tally {
  uint64_t segments = 0;
  uint64_t orphans = 0;  // indexes without a segment
  uint64_t bytes = 0;    // with indexes
  uint64_t freed_bytes = 0;
  uint64_t days = 0;
  uint64_t vanished = 0;
  uint64_t changed = 0;
  uint64_t failed = 0;
  uint64_t left = 0;
};
Tally tally_of(const Round& round);

// Whether it did something, or tried to.
bool has_acted(const Round& round);
// 0, or 1 where not all is well.
int exit_code_of(const Round& round);

// A line for each deletion, and one that sums up.
std::string report_text(const Round& round);
// Lines of errors and warnings.
std::string complaints_text(const Round& round);
// All of it as one line.
std::string report_json(const Round& round);

}  // namespace sdr::prune
