// What is to be deleted, and why: a pure function of what there is, the limits, the clock and the
// room on the disk.
//
// Of each channel go, oldest first, what is older than its retain.age and then what it has more
// than its retain.size; and then, for storage.min_free, segment by segment from the channel that is
// furthest over its share. A share is the channel's retain.size, or else an equal part of what
// those without one have, as it is when that begins.
//
// A segment's age counts from when it was written last, or from when the next one begins if that is
// earlier: nothing in it is younger. Sizes are lengths of files, with indexes and with what is
// still open; what min_free gains are blocks of the disk, none of them by a file that has further
// names.
//
// Never deleted: the newest sealed segment of a channel and that of its rejected datagrams;
// anything of a channel that is not configured. Not for age while the clock is not known to be
// right; not more than half of a channel's segments for age and size together, unless forced.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tools/prune/tree.h"

namespace sdr::prune {

// What is there for long enough, so that no relay is about to use it: of an index without a
// segment, and of an empty directory.
constexpr int64_t kSettledUs = 3600ll * 1000000;

struct Limits {
  std::optional<uint64_t> age_s = {};
  std::optional<uint64_t> size_bytes = {};
};

struct Space {
  uint64_t total_bytes = 0;
  uint64_t free_bytes = 0;      // that an ordinary user may take
  uint64_t min_free_bytes = 0;  // 0: as little as may be
};

struct Circumstances {
  int64_t now_us = 0;
  bool is_clock_synchronised = true;
  bool is_forced = false;
  Space space = {};
};

enum class Reason : uint8_t {
  kOrphan,  // an index whose segment is gone
  kAge,
  kSize,
  kMinFree,
};
const char* reason_text(Reason reason);  // as in reports: "age", "min_free"

// By their places in the tree.
struct Deletion {
  size_t channel;
  size_t segment;
  Reason reason;
  int64_t age_us;
};

struct EmptyDay {
  size_t channel;
  size_t day;
};

struct Plan {
  std::vector<Deletion> deletions = {};  // in this order
  std::vector<EmptyDay> empty_days = {};
  std::vector<Finding> findings = {};
  uint64_t freed_bytes = 0;  // of the disk
  uint64_t short_bytes = 0;  // of min_free, after all of it
};

// `limits`: of the channels that are configured.
Plan make_plan(const std::vector<FoundChannel>& channels,
               const std::map<std::string, Limits>& limits, const Circumstances& circumstances);

}  // namespace sdr::prune
