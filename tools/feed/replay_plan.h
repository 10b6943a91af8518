// What a command line of sdr-feed --replay says: which recordings go where.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tools/feed/options.h"
#include "tools/recording/source.h"

namespace sdr {

// What goes to one destination: its recordings are read one after the other, in the order in which
// they were named. Recovered segments, which lie between the times of the others, are a lane of
// their own beside it.
struct ReplayLane {
  std::string name;  // as the user wrote it
  std::string destination;
  bool is_recovered = false;
  std::string interface;  // where multicast leaves, or empty
  std::vector<recording::Segment> segments;
  std::optional<int64_t> end_us = {};  // when the last datum was received, where that is known
};

struct ReplayPlan {
  std::vector<ReplayLane> lanes;
  std::vector<std::pair<std::string, std::string>> warnings;  // of what, and what
};

struct PlanError : std::runtime_error {
  PlanError(int code, const std::string& what) : std::runtime_error(what), exit_code(code) {}
  int exit_code;
};

// The sources of a command line, and where each goes; the destination is empty where the fleet's
// config says it. Throws PlanError. Pure.
std::vector<std::pair<std::string, std::string>> pair_operands(const ReplayOptions& options);

// Finds the segments, by their names where there is a range of time. Throws PlanError.
ReplayPlan plan_replay(const FeedOptions& options);

}  // namespace sdr
