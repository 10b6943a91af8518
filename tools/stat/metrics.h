// The numbers of a counters page that are one number per channel, by their Prometheus names.
#pragma once

#include <cstdint>
#include <span>

#include "relay/format/counters.h"

namespace sdr::status {

struct Metric {
  const char* name;  // without the "speeddata_" in front of it
  const char* help;
  uint64_t (*read)(const CountersPage& page);
};

std::span<const Metric> counter_metrics();   // counters
std::span<const Metric> sequence_metrics();  // counters of channels that watch a sequence
std::span<const Metric> byte_metrics();      // gauges
std::span<const Metric> time_metrics();      // gauges in seconds, read in nanoseconds

}  // namespace sdr::status
