// What the values of sdr-confine's options say. Pure.
#pragma once

#include <sys/resource.h>

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sdr {

struct ConfineLimit {
  std::string name;
  int resource = 0;
  rlim_t soft = RLIM_INFINITY;
  std::optional<rlim_t> hard;  // absent: the hard limit stays
};

enum class SchedulerKind : uint8_t { kOther, kFifo };

struct ConfineScheduler {
  SchedulerKind kind = SchedulerKind::kOther;
  int level = 0;  // kOther: nice, -20 to 19; kFifo: priority, 1 to 99
};

// All of `text` is a number from least to most.
template <typename T>
bool parse_number(std::string_view text, T least, T most, T* out) {
  T value{};
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc{} || end != text.data() + text.size()) return false;
  if (value < least || value > most) return false;
  *out = value;
  return true;
}

// "0,2-3"; CPUs up to 8191. False where it is no such list.
bool parse_cpus(const std::string& text, std::vector<unsigned>* out);

// "other", "other:-5", "fifo:10"
bool parse_scheduler(const std::string& text, ConfineScheduler* out);

// "nofile=1024", "nofile=1024:4096", "core=0:unlimited"
bool parse_limit(const std::string& text, ConfineLimit* out);

// "50", "12.5": per cent of one CPU, to 100000, in hundredths.
bool parse_cpu_quota(const std::string& text, uint64_t* out_hundredths);

}  // namespace sdr
