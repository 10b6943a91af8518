// Which operands of sdr-feed --replay are sources and which are destinations.
#include <algorithm>

#include "tools/feed/replay_plan.h"

namespace sdr {
namespace {

using Pair = std::pair<std::string, std::string>;

// "ADDR:PORT" or "[ADDR]:PORT" by its look.
bool is_destination(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == text.npos || colon == 0 || text.find_first_of("/=") != text.npos) return false;
  const std::string port = text.substr(colon + 1);
  return !port.empty() && port.size() <= 5 &&
         std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// "SOURCE=DEST", where the source's path may have a "=" too.
bool split(const std::string& text, Pair* out) {
  const size_t equals = text.rfind('=');
  if (equals == text.npos || equals == 0 || !is_destination(text.substr(equals + 1))) return false;
  *out = {text.substr(0, equals), text.substr(equals + 1)};
  return true;
}

std::vector<Pair> pairs_of_fleet(const ReplayOptions& options) {
  std::vector<Pair> found;
  Pair pair;
  for (const std::string& operand : options.operands) {
    if (is_destination(operand) || split(operand, &pair))
      throw PlanError(100, "--to-fleet sends each channel where it listens; leave out '" + operand +
                               "', or --to-fleet");
    found.emplace_back(operand, "");
  }
  return found;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> pair_operands(const ReplayOptions& options) {
  if (options.to_fleet) return pairs_of_fleet(options);
  const std::vector<std::string>& operands = options.operands;
  std::vector<Pair> found;
  Pair pair;
  if (split(operands[0], &pair)) {
    for (const std::string& operand : operands) {
      if (!split(operand, &pair))
        throw PlanError(100, "'" + operand + "' has no destination; write " + operand +
                                 "=ADDR:PORT, as the others are");
      found.push_back(pair);
    }
    return found;
  }
  if (!is_destination(operands[0]))
    throw PlanError(100, "'" + operands[0] +
                             "' is no destination; write DEST --replay SOURCE..., or --replay "
                             "SOURCE=DEST..., where DEST is ADDR:PORT or [ADDR]:PORT");
  if (operands.size() == 1)
    throw PlanError(100, "nothing to replay to " + operands[0] +
                             "; name files, directories or channels behind it");
  for (size_t i = 1; i < operands.size(); ++i) {
    if (operands[i].empty())
      throw PlanError(100, "'' is no source; name files, directories or channels");
    if (is_destination(operands[i]) || split(operands[i], &pair))
      throw PlanError(100, "'" + operands[i] + "': all goes to " + operands[0] +
                               " already; for several destinations write SOURCE=DEST only");
    found.emplace_back(operands[i], operands[0]);
  }
  return found;
}

}  // namespace sdr
