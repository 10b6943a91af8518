#include "tools/confine/option_values.h"

#include <algorithm>
#include <iterator>

namespace sdr {
namespace {

constexpr unsigned kCpuMax = 8191;
constexpr uint64_t kCpuQuotaPercentMax = 100'000;

struct LimitName {
  std::string_view name;
  int resource;
};
constexpr LimitName kLimitNames[] = {
    {"as", RLIMIT_AS},           {"core", RLIMIT_CORE},         {"cpu", RLIMIT_CPU},
    {"data", RLIMIT_DATA},       {"fsize", RLIMIT_FSIZE},       {"locks", RLIMIT_LOCKS},
    {"memlock", RLIMIT_MEMLOCK}, {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
    {"nofile", RLIMIT_NOFILE},   {"nproc", RLIMIT_NPROC},       {"rss", RLIMIT_RSS},
    {"rtprio", RLIMIT_RTPRIO},   {"rttime", RLIMIT_RTTIME},     {"sigpending", RLIMIT_SIGPENDING},
    {"stack", RLIMIT_STACK},
};

bool parse_rlimit(std::string_view text, rlim_t* out) {
  *out = RLIM_INFINITY;
  return text == "unlimited" || parse_number<rlim_t>(text, 0, RLIM_INFINITY - 1, out);
}

}  // namespace

bool parse_cpus(const std::string& text, std::vector<unsigned>* out) {
  out->clear();
  std::string_view rest = text;
  for (;;) {
    const size_t comma = rest.find(',');
    const std::string_view part = rest.substr(0, comma);
    const size_t dash = part.find('-');
    unsigned first = 0;
    if (!parse_number(part.substr(0, dash), 0u, kCpuMax, &first)) return false;
    unsigned last = first;
    if (dash != std::string_view::npos &&
        !parse_number(part.substr(dash + 1), first, kCpuMax, &last)) {
      return false;
    }
    for (unsigned cpu = first; cpu <= last; ++cpu) out->push_back(cpu);
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  std::sort(out->begin(), out->end());
  out->erase(std::unique(out->begin(), out->end()), out->end());
  return true;
}

bool parse_scheduler(const std::string& text, ConfineScheduler* out) {
  const size_t colon = text.find(':');
  const std::string_view kind = std::string_view(text).substr(0, colon);
  *out = {};
  if (kind == "fifo") {
    out->kind = SchedulerKind::kFifo;
    return colon != std::string::npos &&
           parse_number(std::string_view(text).substr(colon + 1), 1, 99, &out->level);
  }
  if (kind != "other") return false;
  return colon == std::string::npos ||
         parse_number(std::string_view(text).substr(colon + 1), -20, 19, &out->level);
}

bool parse_limit(const std::string& text, ConfineLimit* out) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos) return false;
  out->name = text.substr(0, equals);
  const auto* const known =
      std::find_if(std::begin(kLimitNames), std::end(kLimitNames),
                   [out](const LimitName& limit) { return limit.name == out->name; });
  if (known == std::end(kLimitNames)) return false;
  out->resource = known->resource;
  const std::string_view values = std::string_view(text).substr(equals + 1);
  const size_t colon = values.find(':');
  if (!parse_rlimit(values.substr(0, colon), &out->soft)) return false;
  if (colon == std::string_view::npos) return true;
  return parse_rlimit(values.substr(colon + 1), &out->hard.emplace()) && out->soft <= *out->hard;
}

bool parse_cpu_quota(const std::string& text, uint64_t* out_hundredths) {
  const size_t point = text.find('.');
  uint64_t percent = 0;
  uint64_t hundredths = 0;
  if (!parse_number<uint64_t>(std::string_view(text).substr(0, point), 0, kCpuQuotaPercentMax,
                              &percent)) {
    return false;
  }
  if (point != std::string::npos) {
    const std::string_view decimals = std::string_view(text).substr(point + 1);
    if (decimals.size() > 2 || !parse_number<uint64_t>(decimals, 0, 99, &hundredths)) return false;
    if (decimals.size() == 1) hundredths *= 10;
  }
  *out_hundredths = percent * 100 + hundredths;
  return *out_hundredths > 0 && *out_hundredths <= kCpuQuotaPercentMax * 100;
}

}  // namespace sdr
