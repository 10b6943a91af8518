// What sdr-stat shows of one channel, and the ways it shows it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "relay/format/counters.h"
#include "tools/config/config.h"
#include "tools/lib/json.h"
#include "tools/stat/service.h"

namespace sdr::status {

struct View {
  std::string name;
  Service service;
  std::shared_ptr<CountersPage> before;  // empty where there was no reading before
  std::shared_ptr<CountersPage> now;
  double interval_s = 0;  // between the two
  uint64_t time_ns = 0;   // of `now`, wall clock
  uint64_t gaps_now = 0;  // what its `sequence.gaps` had become when the copy was complete
  std::shared_ptr<CountersPage> base;   // what all was lately; empty where that is not known …
  double base_s = 0;                    // … and how long that is ago
  std::shared_ptr<const Config> fleet;  // what is in force; empty where that is not known
};

// What the config in force says of it, or null.
const Channel* configured(const View& view);

// It is up, but has not heard anything for longer than its `silence`.
bool is_silent(const View& view);

// The disk's state in the words of the JSON, cut to the 5 columns of a table.
std::string disk_word(uint64_t state);

// What all streams of a kind have done together.
struct StreamSum {
  uint64_t datagrams = 0;
  uint64_t bytes = 0;
  uint64_t send_errors = 0;
};
StreamSum decimated_sum(const CountersPage& page);
StreamSum all_streams_sum(const CountersPage& page);

// Per second between two readings of one counter; 0 where it went back.
double rate(uint64_t before, uint64_t now, double interval_s);

// Appends the member `sequence`; of nulls where the channel watches none.
void print_sequence(const ReceiverCounters& receiver, JsonWriter* out);

// Appends one object of `channels`, as sdr-stat(1) lists its members.
void print_json(const View& view, JsonWriter* out);

// The text that Prometheus scrapes (exposition format 0.0.4), as sdr-stat(1) lists its metrics.
std::string prometheus_text(const std::vector<View>& views);

// The table, a line per channel below its head, which passes no `width` columns (0: any): names are
// cut, and columns left out.
std::string table_text(const std::vector<View>& views, size_t width);

}  // namespace sdr::status
