#include "tools/confine/options.h"

#include <getopt.h>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace sdr {
namespace {

constexpr char kHelp[] =
    "usage: sdr-confine [OPTION...] -- PROGRAM [ARGUMENT...]\n"
    "Puts bounds on this process, then becomes PROGRAM.\n"
    "\n"
    "  --cpus LIST              run on these CPUs only: 2, 2-3, 0,2-3\n"
    "  --scheduler other[:NICE] | fifo:PRIORITY\n"
    "                           nice value -20 to 19, real-time priority 1 to 99\n"
    "  --limit NAME=SOFT[:HARD] a resource limit: nofile, memlock, core, nproc, stack,\n"
    "                           data, as, fsize; may be repeated\n"
    "  --keep-fd N              pass descriptor N on; may be repeated\n"
    "  --user USER              become this user, without supplementary groups\n"
    "  --help --version\n"
    "\n"
    "Descriptors above 2 are closed, signals reset, all capabilities dropped, the bounding\n"
    "set too, and no new privileges can be gained.\n";

enum Id : int { kCpus = 256, kScheduler, kLimit, kKeepFd, kUser, kHelpId, kVersion };

constexpr option kOptions[] = {
    {"cpus", required_argument, nullptr, kCpus},
    {"scheduler", required_argument, nullptr, kScheduler},
    {"limit", required_argument, nullptr, kLimit},
    {"keep-fd", required_argument, nullptr, kKeepFd},
    {"user", required_argument, nullptr, kUser},
    {"help", no_argument, nullptr, kHelpId},
    {"version", no_argument, nullptr, kVersion},
    {nullptr, 0, nullptr, 0},
};

struct LimitName {
  const char* name;
  int resource;
};
constexpr LimitName kLimits[] = {
    {"as", RLIMIT_AS},       {"core", RLIMIT_CORE},       {"data", RLIMIT_DATA},
    {"fsize", RLIMIT_FSIZE}, {"memlock", RLIMIT_MEMLOCK}, {"nofile", RLIMIT_NOFILE},
    {"nproc", RLIMIT_NPROC}, {"stack", RLIMIT_STACK},
};

template <typename T>
bool parse_number(std::string_view text, T least, T most, T* out) {
  const char* end = text.data() + text.size();
  const std::from_chars_result result = std::from_chars(text.data(), end, *out);
  return result.ec == std::errc() && result.ptr == end && *out >= least && *out <= most;
}

// "2", "2-3", "0,2-3"
bool parse_cpus(std::string_view text, std::vector<int>* out) {
  while (true) {
    const size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    const size_t dash = part.find('-');
    int first = 0;
    int last = 0;
    if (!parse_number(part.substr(0, dash), 0, 1023, &first)) return false;
    last = first;
    if (dash != part.npos && !parse_number(part.substr(dash + 1), first, 1023, &last)) return false;
    for (int cpu = first; cpu <= last; ++cpu) out->push_back(cpu);
    if (comma == text.npos) return true;
    text.remove_prefix(comma + 1);
  }
}

bool parse_scheduler(std::string_view text, ConfineOptions* out) {
  if (text == "other" || text.starts_with("other:")) {
    out->scheduling = Scheduling::kOther;
    return text == "other" || parse_number(text.substr(6), -20, 19, &out->nice);
  }
  out->scheduling = Scheduling::kFifo;
  return text.starts_with("fifo:") && parse_number(text.substr(5), 1, 99, &out->priority);
}

bool parse_limit_value(std::string_view text, rlim_t* out) {
  if (text == "infinity") {
    *out = RLIM_INFINITY;
    return true;
  }
  return parse_number(text, rlim_t{0}, RLIM_INFINITY, out);
}

// "nofile=64" or "nofile=64:128"
bool parse_limit(std::string_view text, ConfineOptions* out) {
  const size_t equals = text.find('=');
  if (equals == text.npos) return false;
  ResourceLimit limit;
  limit.name = text.substr(0, equals);
  const LimitName* known = nullptr;
  for (const LimitName& each : kLimits) {
    if (limit.name == each.name) known = &each;
  }
  if (!known) return false;
  limit.resource = known->resource;
  text.remove_prefix(equals + 1);
  const size_t colon = text.find(':');
  if (!parse_limit_value(text.substr(0, colon), &limit.values.rlim_cur)) return false;
  limit.values.rlim_max = limit.values.rlim_cur;
  if (colon != text.npos && !parse_limit_value(text.substr(colon + 1), &limit.values.rlim_max))
    return false;
  if (limit.values.rlim_cur > limit.values.rlim_max) return false;
  out->limits.push_back(limit);
  return true;
}

bool parse_one(int id, const char* text, ConfineOptions* out) {
  switch (id) {
    case kCpus:
      out->cpus_text = text;
      return parse_cpus(text, &out->cpus);
    case kScheduler:
      return parse_scheduler(text, out);
    case kLimit:
      return parse_limit(text, out);
    case kKeepFd:
      out->keep_fds.push_back(-1);
      return parse_number(std::string_view(text), 3, 1 << 20, &out->keep_fds.back());
    default:
      out->user = text;
      return *text != '\0';
  }
}

}  // namespace

int parse_confine_options(int argc, char** argv, ConfineOptions* out) {
  opterr = 0;
  optind = 0;  // glibc: begin anew
  for (;;) {
    int index = 0;
    const int id = getopt_long(argc, argv, "+", kOptions, &index);
    if (id == -1) break;
    if (id == kHelpId || id == kVersion) {
      std::fputs(id == kHelpId ? kHelp : "sdr-confine " SDR_VERSION "\n", stdout);
      return 0;
    }
    if (id == '?') {
      std::fprintf(stderr,
                   "sdr-confine: fatal: option %s is unknown or lacks its value; see --help\n",
                   argv[optind - 1]);
      return 100;
    }
    if (!parse_one(id, optarg, out)) {
      std::fprintf(stderr, "sdr-confine: fatal: --%s: invalid value '%s'; see --help\n",
                   kOptions[index].name, optarg);
      return 100;
    }
  }
  if (optind == argc) {
    std::fputs("sdr-confine: fatal: no program to become; see --help\n", stderr);
    return 100;
  }
  out->program = argv + optind;
  return -1;
}

}  // namespace sdr
