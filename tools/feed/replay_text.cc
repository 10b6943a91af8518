#include "tools/feed/replay_text.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "tools/lib/counted.h"
#include "tools/lib/json.h"
#include "tools/lib/time_text.h"

namespace sdr {
namespace {

template <typename... Values>
std::string print(const char* format, Values... values) {
  char text[96];
  const int size = std::snprintf(text, sizeof text, format, values...);
  return std::string(text, std::min(static_cast<size_t>(size), sizeof text - 1));
}

std::string percentiles(const ReplayState& state) {
  return "late by " + late_text(state.late_p50_ns) + " p50, " + late_text(state.late_p99_ns) +
         " p99, " + late_text(state.late_max_ns);
}

double rate_of(const ReplayState& state) {
  return state.seconds > 0 ? static_cast<double>(state.datagrams) / state.seconds : 0;
}

}  // namespace

std::string late_text(int64_t late_ns) {
  const double us = static_cast<double>(late_ns) / 1000;
  if (us < 999.5) return print("%.0f us", us);
  if (us < 999950) return print("%.1f ms", us / 1000);
  return print("%.1f s", us / 1e6);
}

std::string long_text(double seconds) {
  const long long all = static_cast<long long>(std::clamp(seconds, 0.0, 1e15) + 0.5);
  const long long days = all / 86400;
  const long long hours = all / 3600 % 24;
  const long long minutes = all / 60 % 60;
  if (days > 0) return print("%lld d %lld h", days, hours);
  if (hours > 0) return print("%lld h %lld min", hours, minutes);
  if (minutes > 0) return print("%lld min %lld s", minutes, all % 60);
  return print("%lld s", all);
}

std::string progress_text(const ReplayState& state) {
  std::string text;
  double left_s = -1;
  if (state.to_play_ns && *state.to_play_ns > 0) {
    const double share = std::clamp(
        static_cast<double>(state.played_ns) / static_cast<double>(*state.to_play_ns), 0.0, 1.0);
    text = print("%3d%%  ", static_cast<int>(share * 100));
    if (state.speed > 0)
      left_s = static_cast<double>(*state.to_play_ns - state.played_ns) / 1e9 / state.speed;
    else if (share > 0)
      left_s = state.seconds / share * (1 - share);
  }
  // Without the fraction of the second.
  std::string at = time_text(state.recorded_at_ns / 1000, false);
  if (const size_t dot = at.find('.'); dot != at.npos) at.erase(dot, 7);
  const double rate = state.seconds > 0 ? static_cast<double>(state.datagrams) / state.seconds : 0;
  text += at +
          print(", %llu datagrams, %.1f/s", static_cast<unsigned long long>(state.datagrams), rate);
  if (state.is_paced) text += ", " + percentiles(state) + " max";
  if (left_s >= 0) text += ", " + long_text(left_s) + " left";
  return text;
}

std::string summary_text(const ReplayState& state) {
  const auto number = [](uint64_t n) { return static_cast<unsigned long long>(n); };
  std::string text = print("sdr-feed: sent %llu datagrams, %llu bytes", number(state.datagrams),
                           number(state.bytes)) +
                     print(" in %.3f s (%.1f/s), %llu errors", state.seconds, rate_of(state),
                           number(state.errors));
  if (state.errors > 0) text += std::string(": ") + std::strerror(state.last_errno);
  if (state.refused > 0) text += "; nobody listens there";
  text += "\n";
  if (state.is_paced && state.datagrams > 0)
    text += "sdr-feed: " + percentiles(state) + " at most; the last datum by " +
            late_text(state.late_last_ns) + "\n";
  if (state.clock_steps > 0)
    text += "sdr-feed: warning: the clock was set back within the recording, " +
            counted(state.clock_steps, "time") + ": the pace went on as it was\n";
  if (state.is_paced && state.slow_reads > 0)
    text += "sdr-feed: warning: reading was too slow, " + counted(state.slow_reads, "time") + "\n";
  return text;
}

std::string summary_json(const ReplayState& state) {
  const auto us = [](int64_t ns) { return static_cast<double>(ns) / 1000; };
  std::string text;
  JsonWriter json(&text);
  json.begin_object().member("datagrams", state.datagrams).member("bytes", state.bytes);
  json.member("seconds", state.seconds).member("rate_hz", rate_of(state));
  json.member("errors", state.errors).member("refused", state.refused);
  json.member("recorded_seconds", static_cast<double>(state.played_ns) / 1e9);
  json.member("clock_steps", state.clock_steps).member("slow_reads", state.slow_reads);
  json.key("late_us");
  if (state.is_paced)
    json.begin_object()
        .member("p50", us(state.late_p50_ns))
        .member("p99", us(state.late_p99_ns))
        .member("max", us(state.late_max_ns))
        .member("last", us(state.late_last_ns))
        .end_object();
  else
    json.value(nullptr);
  json.end_object();
  return text + "\n";
}

}  // namespace sdr
