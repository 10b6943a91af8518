#include "tools/prune/options.h"

#include <getopt.h>

#include <cstdio>
#include <optional>

#include "relay/clock.h"
#include "relay/format/segment_name.h"
#include "tools/config/diagnostic.h"
#include "tools/config/units.h"

namespace sdr::prune {
namespace {

constexpr uint64_t kSecondUs = 1000000;
constexpr uint64_t kEveryUsMax = 86400 * kSecondUs;

constexpr char kHelp[] =
    "usage: sdr-prune [OPTION]...\n"
    "       sdr-prune --keep NAME --from TIME [--to TIME] [OPTION]...\n"
    "Deletes the oldest recordings of each channel, as retain and storage.min_free say;\n"
    "or keeps a run: what was recorded in a range of time.\n"
    "\n"
    "  --dry-run         say what would be done, and do nothing\n"
    "  --channel NAME    only of this channel; may be given several times\n"
    "  --force           even more than half of a channel's segments in one run\n"
    "  --json            report as JSON\n"
    "  --every DURATION  do so again and again, as a service: 1min, 30s\n"
    "  --keep NAME       link the segments and indexes of all channels into kept/NAME\n"
    "  --from TIME       what was received then or later: 2026-11-22T20:15, 20:15, -1h …\n"
    "  --to TIME         what was received before (default: now)\n"
    "  --config FILE     (default /etc/speeddata/relay.toml)\n"
    "  --run DIR         the run directory (default /run/speeddata)\n"
    "  --help, --version\n"
    "\n"
    "Exit status: 0, 1 not all is well, 2 not mounted, 100 usage, 111 system error.\n";

int wrong(const std::string& what) {
  fprintf(stderr, "sdr-prune: fatal: %s\n", what.c_str());
  return 100;
}

bool parse_every(const char* text, uint64_t* every_us, std::string* error) {
  const Quantity read = parse_duration_us(text);
  *every_us = read.value;
  *error = read.error;
  if (error->empty() && (read.value < kSecondUs || read.value > kEveryUsMax))
    *error = quoted(text) + " is not from 1s to 1d";
  return error->empty();
}

bool parse_time(const char* text, int64_t now_us, int64_t* time_us, std::string* error) {
  const std::optional<int64_t> time = recording::parse_moment(text, now_us);
  if (time) *time_us = *time;
  *error = time ? "" : quoted(text) + " is no time such as 2026-11-22T20:15:00, 20:15, -1h or now";
  return time.has_value();
}

// What is to come cannot be kept yet.
int check_keep(int64_t now_us, Options* options) {
  recording::TimeRange* const range = &options->range;
  if (options->keep.empty())
    return range->is_all() ? -1 : wrong("--from and --to go with --keep only");
  if (options->every_us > 0 || options->force)
    return wrong("--keep takes neither --every nor --force");
  if (range->from_us == INT64_MIN)
    return wrong("--keep needs --from TIME, and --to TIME where the run is over");
  if (range->to_us == INT64_MAX) range->to_us = now_us;
  if (range->to_us > now_us)
    return wrong("--to is in the future: a run can be kept once it has been recorded");
  return range->from_us < range->to_us ? -1 : wrong("--from is not before --to");
}

int check(const Options& options) {
  if (options.every_us > 0 && options.dry_run)
    return wrong("--every and --dry-run exclude each other");
  if (options.every_us > 0 && options.force)
    return wrong("--force is for one run, not for --every");
  return -1;
}

}  // namespace

int parse_prune_options(int argc, char** argv, Options* options) {
  enum {
    kDryRun = 256,
    kChannel,
    kForce,
    kJson,
    kEvery,
    kKeep,
    kFrom,
    kTo,
    kConfig,
    kRun,
    kHelpMe,
    kVersion
  };
  static constexpr option kOptions[] = {{"dry-run", no_argument, nullptr, kDryRun},
                                        {"channel", required_argument, nullptr, kChannel},
                                        {"force", no_argument, nullptr, kForce},
                                        {"json", no_argument, nullptr, kJson},
                                        {"every", required_argument, nullptr, kEvery},
                                        {"keep", required_argument, nullptr, kKeep},
                                        {"from", required_argument, nullptr, kFrom},
                                        {"to", required_argument, nullptr, kTo},
                                        {"config", required_argument, nullptr, kConfig},
                                        {"run", required_argument, nullptr, kRun},
                                        {"help", no_argument, nullptr, kHelpMe},
                                        {"version", no_argument, nullptr, kVersion},
                                        {}};
  const int64_t now_us = realtime_us();
  std::string error;
  int id;
  while ((id = getopt_long(argc, argv, ":", kOptions, nullptr)) != -1) {
    switch (id) {
      case kDryRun:
        options->dry_run = true;
        break;
      case kChannel:
        if (!is_channel_name(optarg))
          return wrong("--channel " + quoted(optarg) + " is no channel's name");
        options->channels.push_back(optarg);
        break;
      case kForce:
        options->force = true;
        break;
      case kJson:
        options->json = true;
        break;
      case kEvery:
        if (!parse_every(optarg, &options->every_us, &error)) return wrong("--every: " + error);
        break;
      case kKeep:
        if (!is_channel_name(optarg))
          return wrong("--keep takes a name as channels have, of a-z, 0-9, _ and -, not " +
                       quoted(optarg));
        options->keep = optarg;
        break;
      case kFrom:
        if (!parse_time(optarg, now_us, &options->range.from_us, &error))
          return wrong("--from: " + error);
        break;
      case kTo:
        if (!parse_time(optarg, now_us, &options->range.to_us, &error))
          return wrong("--to: " + error);
        break;
      case kConfig:
        options->place.config = optarg;
        options->place.config_given = true;
        break;
      case kRun:
        options->place.run = optarg;
        options->place.run_given = true;
        break;
      case kHelpMe:
        fputs(kHelp, stdout);
        return 0;
      case kVersion:
        puts("sdr-prune " SDR_VERSION);
        return 0;
      case ':':
        return wrong(std::string("no value given for ") + argv[optind - 1]);
      default:
        return wrong(std::string("unknown option ") + argv[optind - 1]);
    }
  }
  if (optind < argc)
    return wrong(quoted(argv[optind]) + " is no option; --channel names a channel");
  const int exit_code = check_keep(now_us, options);
  return exit_code == -1 ? check(*options) : exit_code;
}

}  // namespace sdr::prune
