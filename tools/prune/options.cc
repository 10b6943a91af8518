#include "tools/prune/options.h"

#include <getopt.h>

#include <cstdio>

#include "relay/format/segment_name.h"
#include "tools/config/diagnostic.h"
#include "tools/config/units.h"

namespace sdr::prune {
namespace {

constexpr uint64_t kSecondUs = 1000000;
constexpr uint64_t kEveryUsMax = 86400 * kSecondUs;

constexpr char kHelp[] =
    "usage: sdr-prune [OPTION]...\n"
    "Deletes the oldest recordings of each channel, as retain and storage.min_free say.\n"
    "\n"
    "  --dry-run         say what would be deleted, and delete nothing\n"
    "  --channel NAME    only of this channel; may be given several times\n"
    "  --force           even more than half of a channel's segments in one run\n"
    "  --json            report as JSON\n"
    "  --every DURATION  do so again and again, as a service: 1min, 30s\n"
    "  --config FILE     (default /etc/speeddata/relay.toml)\n"
    "  --run DIR         the run directory (default /run/speeddata)\n"
    "  --help, --version\n"
    "\n"
    "Exit status: 0, 1 not all is well, 100 usage, 111 system error.\n";

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

int check(const Options& options) {
  if (options.every_us > 0 && options.dry_run)
    return wrong("--every and --dry-run exclude each other");
  if (options.every_us > 0 && options.force)
    return wrong("--force is for one run, not for --every");
  return -1;
}

}  // namespace

int parse_prune_options(int argc, char** argv, Options* options) {
  enum { kDryRun = 256, kChannel, kForce, kJson, kEvery, kConfig, kRun, kHelpMe, kVersion };
  static constexpr option kOptions[] = {{"dry-run", no_argument, nullptr, kDryRun},
                                        {"channel", required_argument, nullptr, kChannel},
                                        {"force", no_argument, nullptr, kForce},
                                        {"json", no_argument, nullptr, kJson},
                                        {"every", required_argument, nullptr, kEvery},
                                        {"config", required_argument, nullptr, kConfig},
                                        {"run", required_argument, nullptr, kRun},
                                        {"help", no_argument, nullptr, kHelpMe},
                                        {"version", no_argument, nullptr, kVersion},
                                        {}};
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
  return check(*options);
}

}  // namespace sdr::prune
