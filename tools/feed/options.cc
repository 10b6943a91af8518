#include "tools/feed/options.h"

#include <getopt.h>

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace sdr {
namespace {

constexpr char kHelp[] =
    "usage: sdr-feed DEST --schema FILE --rate HZ [OPTION...]\n"
    "       sdr-feed DEST --schema FILE --stdin [OPTION...]\n"
    "Sends datagrams, each one datum of the schema, to DEST (ADDR:PORT, [ADDR]:PORT).\n"
    "\n"
    "  --schema FILE        the Avro schema (.avsc)\n"
    "  --rate HZ|max        datums per second, paced against absolute time\n"
    "  --count N            end after N datums\n"
    "  --duration SECONDS   end after this long\n"
    "  --signal sine|ramp|noise|square\n"
    "                       what numeric fields follow (sine)\n"
    "  --seed N             of everything that varies (1)\n"
    "  --counter FIELD      the field that carries the datum's number; left out: the first\n"
    "                       int or long of the root record without a logical type\n"
    "  --stdin              send one datum per line of JSON on standard input, at once\n"
    "  --interface IF|ADDR  where multicast leaves\n"
    "  --ttl N              of multicast\n"
    "  --source-port N      send from this port\n"
    "  --progress           a line on standard error each second\n"
    "  --json               print the summary as JSON on standard output\n"
    "  --config FILE --run DIR\n"
    "                       taken as every tool takes them; sdr-feed needs neither\n"
    "  --help --version\n";

enum Id : int {
  kSchema = 256,
  kRate,
  kCount,
  kDuration,
  kSignal,
  kSeed,
  kCounter,
  kStdin,
  kInterface,
  kTtl,
  kSourcePort,
  kProgress,
  kJson,
  kReplay,
  kIgnored,
  kHelpId,
  kVersion,
};

constexpr option kOptions[] = {
    {"schema", required_argument, nullptr, kSchema},
    {"rate", required_argument, nullptr, kRate},
    {"count", required_argument, nullptr, kCount},
    {"duration", required_argument, nullptr, kDuration},
    {"signal", required_argument, nullptr, kSignal},
    {"seed", required_argument, nullptr, kSeed},
    {"counter", required_argument, nullptr, kCounter},
    {"stdin", no_argument, nullptr, kStdin},
    {"interface", required_argument, nullptr, kInterface},
    {"ttl", required_argument, nullptr, kTtl},
    {"source-port", required_argument, nullptr, kSourcePort},
    {"progress", no_argument, nullptr, kProgress},
    {"json", no_argument, nullptr, kJson},
    {"replay", optional_argument, nullptr, kReplay},
    {"config", required_argument, nullptr, kIgnored},
    {"run", required_argument, nullptr, kIgnored},
    {"help", no_argument, nullptr, kHelpId},
    {"version", no_argument, nullptr, kVersion},
    {nullptr, 0, nullptr, 0},
};

bool parse_real(const char* text, double least, double most, double* out) {
  char* end;
  *out = std::strtod(text, &end);
  return end != text && *end == '\0' && std::isfinite(*out) && *out >= least && *out <= most;
}

bool parse_whole(const char* text, uint64_t least, uint64_t most, uint64_t* out) {
  if (*text < '0' || *text > '9') return false;
  char* end;
  errno = 0;
  *out = std::strtoull(text, &end, 10);
  return errno == 0 && *end == '\0' && *out >= least && *out <= most;
}

bool parse_signal(const std::string& text, Signal* out) {
  constexpr const char* kNames[] = {"sine", "ramp", "noise", "square"};
  for (int i = 0; i < 4; ++i) {
    if (text == kNames[i]) {
      *out = static_cast<Signal>(i);
      return true;
    }
  }
  return false;
}

bool parse_one(int id, const char* text, FeedOptions* out) {
  uint64_t n = 0;
  switch (id) {
    case kSchema:
      out->schema_path = text;
      return *text != '\0';
    case kRate:
      return std::strcmp(text, "max") == 0 || parse_real(text, 0, 1e9, &out->rate_hz);
    case kCount:
      return parse_whole(text, 1, UINT64_MAX, &out->count);
    case kDuration:
      return parse_real(text, 1e-6, 1e9, &out->duration_s);
    case kSignal:
      return parse_signal(text, &out->signal);
    case kSeed:
      return parse_whole(text, 0, UINT64_MAX, &out->seed);
    case kCounter:
      out->counter = text;
      return *text != '\0';
    case kStdin:
      out->from_stdin = true;
      return true;
    case kInterface:
      out->interface = text;
      return *text != '\0';
    case kTtl:
      if (!parse_whole(text, 0, 255, &n)) return false;
      out->ttl = static_cast<int>(n);
      return true;
    case kSourcePort:
      if (!parse_whole(text, 1, 65535, &n)) return false;
      out->source_port = static_cast<uint16_t>(n);
      return true;
    case kProgress:
      out->progress = true;
      return true;
    case kJson:
      out->json = true;
      return true;
    default:
      return true;
  }
}

int usage(const std::string& wrong) {
  std::fprintf(stderr, "sdr-feed: fatal: %s; see --help\n", wrong.c_str());
  return 100;
}

}  // namespace

int parse_feed_options(int argc, char** argv, FeedOptions* out) {
  bool has_rate = false;
  opterr = 0;
  optind = 0;  // glibc: begin anew
  for (;;) {
    int index = 0;
    const int id = getopt_long(argc, argv, "", kOptions, &index);
    if (id == -1) break;
    if (id == kHelpId || id == kVersion) {
      std::fputs(id == kHelpId ? kHelp : "sdr-feed " SDR_VERSION "\n", stdout);
      return 0;
    }
    if (id == '?')
      return usage(std::string("option ") + argv[optind - 1] + " is unknown or lacks its value");
    if (id == kReplay) return usage("--replay is not supported yet");
    if (!parse_one(id, optarg, out))
      return usage(std::string("--") + kOptions[index].name + ": invalid value '" + optarg + "'");
    has_rate = has_rate || id == kRate;
  }
  if (optind + 1 != argc)
    return usage(optind == argc ? "no destination" : "more than one destination");
  out->destination = argv[optind];
  if (out->schema_path.empty()) return usage("--schema is missing");
  if (!has_rate && !out->from_stdin) return usage("--rate is missing");
  if (has_rate && out->from_stdin) return usage("--rate and --stdin exclude each other");
  return -1;
}

}  // namespace sdr
