// What --watch shows of each channel, and in which order. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "tools/stat/trouble.h"
#include "tools/stat/view.h"

namespace sdr::status {

constexpr size_t kHistoryMax = 240;

struct WatchRow {
  std::string name;
  std::string state;  // "up", "start", "down", "silent"
  int severity = 0;   // 0: all is well, 1: trouble, 2: down
  double rate = 0;    // datagrams received per second, of the last interval
  bool has_rate = false;
  uint64_t rejected = 0;  // since the counters began, as are …
  uint64_t drops = 0;
  uint64_t lost = 0;
  bool has_sequence = false;
  uint64_t unrecorded = 0;  // … these
  std::string disk = {};    // "ok", "full" …, at most 5 characters
  uint64_t p99_ns = 0;      // of the last interval; 0: nothing was relayed in it
  std::vector<Trouble> troubles = {};
  std::deque<double> history = {};  // of the rates, the last one last; negative: not known
};

enum class WatchSort : uint8_t { kTrouble, kName, kRate, kLoss, kLatency };
const char* sort_name(WatchSort sort);  // "trouble", "name", "rate", "loss", "latency"

// The rates of every channel that is there. A channel that goes is forgotten.
class WatchHistory {
 public:
  // The rows of a reading, which takes its place in the history.
  std::vector<WatchRow> rows(const std::vector<View>& views);

 private:
  std::map<std::string, std::deque<double>> rates_;
};

// What is worst, most or slowest comes first; names go up. Equal ones go by name.
void sort_rows(WatchSort sort, bool reversed, std::vector<WatchRow>* rows);

// The last `columns` rates as bars, one column each, the highest as high as can be; what is not
// known, and what was before the first, is blank.
std::string sparkline(const std::deque<double>& rates, size_t columns, bool utf8);

}  // namespace sdr::status
