#include "tools/confine/options.h"

#include <getopt.h>
#include <stdio.h>

#include <algorithm>
#include <charconv>
#include <string_view>

namespace sdr {
namespace {

constexpr int kUsageError = 100;
constexpr int kSystemError = 111;
constexpr unsigned kCpuMax = 8191;
constexpr unsigned kFdMax = 1 << 20;

constexpr char kHelp[] =
    "usage: sdr-confine [OPTION...] -- PROG [ARG...]\n"
    "Becomes PROG with clean descriptors and signals, pinned, limited, as a user without\n"
    "capabilities.\n"
    "\n"
    "  --cpus LIST               run on these CPUs only: 2, 2-3, 0,2-3\n"
    "  --scheduler S             other, other:NICE or fifo:PRIORITY\n"
    "  --limit NAME=SOFT[:HARD]  a resource limit such as nofile=1024; may be repeated\n"
    "  --best-effort             where CPUs, scheduler or a limit cannot be set: warn and go on\n"
    "  --keep-fd N               keep this descriptor open; may be repeated\n"
    "  --user USER               become this user, with its primary group only\n"
    "  --help --version\n";

constexpr option kOptions[] = {
    {"cpus", 1, nullptr, 'c'},        {"scheduler", 1, nullptr, 's'}, {"limit", 1, nullptr, 'l'},
    {"best-effort", 0, nullptr, 'b'}, {"keep-fd", 1, nullptr, 'k'},   {"user", 1, nullptr, 'u'},
    {"help", 0, nullptr, 'h'},        {"version", 0, nullptr, 'v'},   {nullptr, 0, nullptr, 0},
};

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

bool parse_rlimit(std::string_view text, rlim_t* out) {
  *out = RLIM_INFINITY;
  return text == "unlimited" || parse_number<rlim_t>(text, 0, RLIM_INFINITY - 1, out);
}

template <typename T>
void sort_once(std::vector<T>* values) {
  std::sort(values->begin(), values->end());
  values->erase(std::unique(values->begin(), values->end()), values->end());
}

bool take(int id, const std::string& text, ConfineOptions* out) {
  switch (id) {
    case 'c':
      out->cpus_text = text;
      return parse_cpus(text, &out->cpus);
    case 's':
      out->scheduler_text = text;
      return parse_scheduler(text, &out->scheduler.emplace());
    case 'l':
      return parse_limit(text, &out->limits.emplace_back());
    case 'b':
      out->best_effort = true;
      return true;
    case 'k':
      return parse_number<unsigned>(text, 0, kFdMax, &out->keep_fds.emplace_back());
    default:
      out->user = text;
      return !text.empty();
  }
}

int usage_error(const char* what, const char* word) {
  fprintf(stderr, "sdr-confine: fatal: %s%s; see --help\n", what, word);
  return kUsageError;
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
  sort_once(out);
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

int parse_confine_options(int argc, char** argv, ConfineOptions* out) {
  opterr = 0;
  for (;;) {
    const int before = optind;
    // Without a "--" too, what follows PROG is PROG's.
    const int id = getopt_long(argc, argv, "+:", kOptions, nullptr);
    if (id == -1) break;
    if (id == 'h' || id == 'v') {
      fputs(id == 'h' ? kHelp : "sdr-confine " SDR_VERSION "\n", stdout);
      return fflush(stdout) == 0 ? 0 : kSystemError;
    }
    if (id == '?') return usage_error("unknown option ", argv[before]);
    if (id == ':') return usage_error("no value for option ", argv[before]);
    if (!take(id, optarg ? optarg : "", out)) {
      const std::string option = argv[before];
      fprintf(stderr, "sdr-confine: fatal: invalid value '%s' of option %s; see --help\n", optarg,
              option.substr(0, option.find('=')).c_str());
      return kUsageError;
    }
  }
  if (optind == argc) return usage_error("no program given", "");
  sort_once(&out->keep_fds);
  out->program = argv + optind;
  return -1;
}

}  // namespace sdr
