#include "tools/confine/options.h"

#include <getopt.h>
#include <stdio.h>

#include <algorithm>

namespace sdr {
namespace {

constexpr int kUsageError = 100;
constexpr int kSystemError = 111;
constexpr unsigned kFdMax = 1 << 20;
constexpr uint64_t kPidsMax = 1 << 22;  // as many as the kernel can have

constexpr char kHelp[] =
    "usage: sdr-confine [OPTION...] -- PROG [ARG...]\n"
    "Becomes PROG with clean descriptors and signals, pinned, limited, as a user without\n"
    "capabilities.\n"
    "\n"
    "  --cgroup FLEET/LEAF       join this control group, below the one of the fleet\n"
    "  --memory BYTES            its limit of memory\n"
    "  --cpu-quota PERCENT       its share of one CPU: 50, 12.5, 200\n"
    "  --pids N                  its limit of processes and threads\n"
    "  --cpuset LIST             its CPUs\n"
    "  --remove-cgroup FLEET/LEAF  only remove that group, once nothing is in it\n"
    "  --cpus LIST               run on these CPUs only: 2, 2-3, 0,2-3\n"
    "  --scheduler S             other, other:NICE or fifo:PRIORITY\n"
    "  --limit NAME=SOFT[:HARD]  a resource limit such as nofile=1024; may be repeated\n"
    "  --best-effort             where a group, CPUs or a limit cannot be set: warn and go on\n"
    "  --keep-fd N               keep this descriptor open; may be repeated\n"
    "  --listen ADDR:PORT        bind a UDP socket there and pass it to PROG\n"
    "  --listen-interface NAME   bind it to this interface\n"
    "  --source ADDR             of a group: whom the relay joins, a part of the socket's name\n"
    "  --receive-buffer-bytes N  its receive buffer, past net.core.rmem_max where that is allowed\n"
    "  --hold SOCKET             take it from this s6-fdholder-daemon, or park it there; may be\n"
    "                            repeated: one that answers is enough\n"
    "  --copy-held SOCKET        only copy what that s6-fdholder-daemon has to the one of --hold\n"
    "  --listen-fd N             pass it as this descriptor (default 6)\n"
    "  --keep-privileges         of a supervision tree: capabilities stay, new ones may come\n"
    "  --user USER               become this user, with its primary group only\n"
    "  --help --version\n";

constexpr option kOptions[] = {
    {"cpus", 1, nullptr, 'c'},
    {"scheduler", 1, nullptr, 's'},
    {"limit", 1, nullptr, 'l'},
    {"best-effort", 0, nullptr, 'b'},
    {"keep-fd", 1, nullptr, 'k'},
    {"user", 1, nullptr, 'u'},
    {"listen", 1, nullptr, 'L'},
    {"hold", 1, nullptr, 'H'},
    {"source", 1, nullptr, 'S'},
    {"copy-held", 1, nullptr, 'Y'},
    {"listen-fd", 1, nullptr, 'F'},
    {"help", 0, nullptr, 'h'},
    {"version", 0, nullptr, 'v'},
    {"listen-interface", 1, nullptr, 'I'},
    {"receive-buffer-bytes", 1, nullptr, 'B'},
    {"cgroup", 1, nullptr, 'g'},
    {"memory", 1, nullptr, 'm'},
    {"pids", 1, nullptr, 'p'},
    {"cpu-quota", 1, nullptr, 'q'},
    {"cpuset", 1, nullptr, 'C'},
    {"remove-cgroup", 1, nullptr, 'R'},
    {"keep-privileges", 0, nullptr, 'P'},
    {nullptr, 0, nullptr, 0},
};

bool take_cgroup(int id, const std::string& text, ConfineOptions* out) {
  CgroupLimits& limits = out->cgroup_limits;
  std::vector<unsigned> cpus;
  switch (id) {
    case 'g':
      out->cgroup = text;
      return is_cgroup_name(text);
    case 'R':
      out->removed_cgroup = text;
      return is_cgroup_name(text);
    case 'm':
      return parse_number<uint64_t>(text, 1, INT64_MAX, &limits.memory_bytes.emplace());
    case 'q':
      return parse_cpu_quota(text, &limits.cpu_quota_hundredths.emplace());
    case 'p':
      return parse_number<uint64_t>(text, 1, kPidsMax, &limits.pids.emplace());
    default:
      limits.cpuset = text;
      return parse_cpus(text, &cpus);
  }
}

// What the socket is bound to is checked where it is bound.
bool take_socket(int id, const std::string& text, HeldSocketOptions* out) {
  switch (id) {
    case 'L':
      out->listen = text;
      return !text.empty();
    case 'I':
      out->interface = text;
      return !text.empty();
    case 'S':
      out->source = text;
      return !text.empty();
    case 'B':
      return parse_number<uint64_t>(text, 1, INT32_MAX, &out->receive_buffer_bytes);
    case 'Y':
      out->copied_from = text;
      return !text.empty();
    case 'H':
      out->holders.push_back(text);
      return !text.empty();
    default:
      return parse_number<unsigned>(text, 3, kFdMax, &out->fd);
  }
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
    case 'P':
      out->keep_privileges = true;
      return true;
    case 'k':
      return parse_number<unsigned>(text, 0, kFdMax, &out->keep_fds.emplace_back());
    case 'u':
      out->user = text;
      return !text.empty();
    case 'g':
    case 'R':
    case 'm':
    case 'q':
    case 'p':
    case 'C':
      return take_cgroup(id, text, out);
    default:
      return take_socket(id, text, &out->socket);
  }
}

int usage_error(const char* what, const char* word) {
  fprintf(stderr, "sdr-confine: fatal: %s%s; see --help\n", what, word);
  return kUsageError;
}

// What does not go together, or null.
const char* complaint(const ConfineOptions& o, bool has_program) {
  const bool removes = !o.removed_cgroup.empty();
  const bool copies = !o.socket.copied_from.empty();
  if (removes || copies) {
    if (has_program) return "--remove-cgroup and --copy-held take no program";
    if (copies && o.socket.holders.size() != 1) return "--copy-held needs one --hold";
    return nullptr;
  }
  if (!has_program) return "no program given";
  if (o.socket.listen.empty() && !o.socket.holders.empty()) return "--hold needs --listen";
  if (o.cgroup.empty() && o.cgroup_limits.is_any()) {
    return "--memory, --cpu-quota, --pids and --cpuset need --cgroup";
  }
  if (o.keep_privileges && o.user) return "--keep-privileges excludes --user";
  return nullptr;
}

}  // namespace

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
  const char* wrong = complaint(*out, optind < argc);
  if (wrong) return usage_error(wrong, "");
  std::vector<unsigned>& kept = out->keep_fds;
  std::sort(kept.begin(), kept.end());
  kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
  out->program = argv + optind;
  return -1;
}

}  // namespace sdr
