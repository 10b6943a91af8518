#include "tools/feed/options.h"

#include <getopt.h>

#include <cstdio>
#include <cstring>

#include "tools/feed/feed_values.h"
#include "tools/feed/pace_field.h"

namespace sdr {
namespace {

constexpr char kHelp[] =
    "usage: sdr-feed DEST --schema FILE --rate HZ [OPTION...]\n"
    "       sdr-feed DEST --schema FILE --stdin [OPTION...]\n"
    "       sdr-feed DEST --replay SOURCE... [OPTION...]\n"
    "       sdr-feed --replay SOURCE=DEST... [OPTION...]\n"
    "       sdr-feed --replay --to-fleet SOURCE... [OPTION...]\n"
    "Sends datagrams, each one datum of the schema, to DEST (ADDR:PORT, [ADDR]:PORT): synthetic\n"
    "ones, lines of JSON, or a recording again (SOURCE: files, directories, channels).\n"
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
    "  --replay             send recordings again, at the pace at which they were received\n"
    "  --speed X|max        so many times faster (1)\n"
    "  --from TIME          only what was received then or later: 2026-11-22T20:15, 20:15, -1h …\n"
    "  --to TIME            only what was received before\n"
    "  --max-gap DURATION   cut longer pauses of the recording to this: 5s, 500ms\n"
    "  --time-field PATH[:s|ms|us|ns]\n"
    "                       the pace is that of this field, not of receive times\n"
    "  --to-fleet           each channel to the address that it is configured to listen on\n"
    "  --all                every channel of the fleet\n"
    "  --interface IF|ADDR  where multicast leaves\n"
    "  --ttl N              of multicast\n"
    "  --source-port N      send from this port\n"
    "  --progress           a line on standard error each second; a replay draws one on a "
    "terminal\n"
    "  --json               print the summary as JSON on standard output\n"
    "  --config FILE        where channels are configured (/etc/speeddata/relay.toml)\n"
    "  --run DIR            the run directory (/run/speeddata)\n"
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
  kSpeed,
  kFrom,
  kTo,
  kMaxGap,
  kTimeField,
  kToFleet,
  kAll,
  kConfig,
  kRun,
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
    {"replay", no_argument, nullptr, kReplay},
    {"speed", required_argument, nullptr, kSpeed},
    {"from", required_argument, nullptr, kFrom},
    {"to", required_argument, nullptr, kTo},
    {"max-gap", required_argument, nullptr, kMaxGap},
    {"time-field", required_argument, nullptr, kTimeField},
    {"to-fleet", no_argument, nullptr, kToFleet},
    {"all", no_argument, nullptr, kAll},
    {"config", required_argument, nullptr, kConfig},
    {"run", required_argument, nullptr, kRun},
    {"help", no_argument, nullptr, kHelpId},
    {"version", no_argument, nullptr, kVersion},
    {nullptr, 0, nullptr, 0},
};

bool parse_replay_option(int id, const char* text, ReplayOptions* out) {
  switch (id) {
    case kSpeed:
      return feed_speed(text, &out->speed);
    case kFrom:
      return feed_time(text, &out->range.from_us);
    case kTo:
      return feed_time(text, &out->range.to_us);
    case kMaxGap:
      return feed_gap(text, &out->gap_max_ns);
    case kTimeField:
      out->time_field = text;
      return is_pace_field_text(text);
    case kToFleet:
      out->to_fleet = true;
      return true;
    case kAll:
      out->all = true;
      return true;
    case kConfig:
      out->place.config = text;
      out->place.config_given = true;
      return *text != '\0';
    case kRun:
      out->place.run = text;
      out->place.run_given = true;
      return *text != '\0';
    default:
      return true;
  }
}

bool parse_one(int id, const char* text, FeedOptions* out) {
  uint64_t n = 0;
  switch (id) {
    case kSchema:
      out->schema_path = text;
      return *text != '\0';
    case kRate:
      return std::strcmp(text, "max") == 0 || feed_real(text, 0, 1e9, &out->rate_hz);
    case kCount:
      return feed_whole(text, 1, UINT64_MAX, &out->count);
    case kDuration:
      return feed_real(text, 1e-6, 1e9, &out->duration_s);
    case kSignal:
      return feed_signal(text, &out->signal);
    case kSeed:
      return feed_whole(text, 0, UINT64_MAX, &out->seed);
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
      if (!feed_whole(text, 0, 255, &n)) return false;
      out->ttl = static_cast<int>(n);
      return true;
    case kSourcePort:
      if (!feed_whole(text, 1, 65535, &n)) return false;
      out->source_port = static_cast<uint16_t>(n);
      return true;
    case kProgress:
      out->progress = true;
      return true;
    case kJson:
      out->json = true;
      return true;
    case kReplay:
      out->is_replay = true;
      return true;
    default:
      return parse_replay_option(id, text, &out->replay);
  }
}

int usage(const std::string& wrong) {
  std::fprintf(stderr, "sdr-feed: fatal: %s; see --help\n", wrong.c_str());
  return 100;
}

// Of what only makes datums, or only replays.
bool is_of_synthetic(int id) { return id >= kSchema && id <= kStdin; }
bool is_of_replay(int id) { return id >= kSpeed && id <= kAll; }

// What goes together, once all has been read. `of_replay` and `of_synthetic`: an option that was
// given and is for that only, or null.
int check_synthetic(bool has_rate, const char* of_replay, const FeedOptions& options) {
  const size_t count = options.replay.operands.size();
  if (of_replay) return usage(std::string("--") + of_replay + " goes with --replay only");
  if (count != 1) return usage(count == 0 ? "no destination" : "more than one destination");
  if (options.schema_path.empty()) return usage("--schema is missing");
  if (!has_rate && !options.from_stdin) return usage("--rate is missing");
  if (has_rate && options.from_stdin) return usage("--rate and --stdin exclude each other");
  return -1;
}

int check_replay(const char* of_synthetic, const ReplayOptions& options) {
  if (of_synthetic) return usage(std::string("--") + of_synthetic + " does not go with --replay");
  if (options.range.from_us >= options.range.to_us) return usage("--from is not before --to");
  if (options.all && !options.to_fleet) return usage("--all goes with --to-fleet only");
  if (options.all && !options.operands.empty())
    return usage("--all is every channel; leave out '" + options.operands[0] + "'");
  if (options.to_fleet && !options.all && options.operands.empty())
    return usage("--to-fleet: no channel to replay; name some, or --all");
  if (!options.to_fleet && options.operands.empty())
    return usage("no destination; write DEST --replay SOURCE..., or --replay SOURCE=DEST...");
  return -1;
}

}  // namespace

int parse_feed_options(int argc, char** argv, FeedOptions* out) {
  bool has_rate = false;
  const char* of_synthetic = nullptr;
  const char* of_replay = nullptr;
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
      return usage(std::string("option ") + argv[optind - 1] +
                   " is unknown, lacks its value or takes none");
    if (!parse_one(id, optarg, out))
      return usage(std::string("--") + kOptions[index].name + ": invalid value '" + optarg + "'");
    has_rate = has_rate || id == kRate;
    if (is_of_synthetic(id)) of_synthetic = kOptions[index].name;
    if (is_of_replay(id)) of_replay = kOptions[index].name;
  }
  out->replay.operands.assign(argv + optind, argv + argc);
  if (out->is_replay) return check_replay(of_synthetic, out->replay);
  const int code = check_synthetic(has_rate, of_replay, *out);
  if (code < 0) out->destination = out->replay.operands[0];
  return code;
}

}  // namespace sdr
