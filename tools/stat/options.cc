#include "tools/stat/options.h"

#include <getopt.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tools/config/units.h"

namespace sdr::status {
namespace {

constexpr double kIntervalMax_s = 86400;
constexpr double kWatchIntervalMin_s = 0.1;

constexpr char kHelp[] =
    "Usage: sdr-stat [OPTION]... [NAME]...\n"
    "Show what every channel is doing, or those named.\n"
    "\n"
    "  --watch             show it live on this terminal; ? lists the keys, q quits\n"
    "  --gaps              list the last sequence numbers that never came\n"
    "  --json              print everything that is counted as JSON\n"
    "  --prometheus        print everything that is counted as Prometheus scrapes it\n"
    "  --preflight         say whether the machine will bear a run: go or no go\n"
    "  --for DURATION      so long the disk has to last (default 24h)\n"
    "  --need SIZE         so much is recorded per second, instead of what is measured\n"
    "  --interval SECONDS  measure rates over so long (default 1; for programs 0: no rates)\n"
    "  --config FILE       (default /etc/speeddata/relay.toml)\n"
    "  --run DIR           the run directory (default /run/speeddata)\n"
    "  --help, --version\n"
    "\n"
    "Exit status: 0 all is well, 1 trouble or no go, 2 a channel is down,\n"
    "100 usage, no such channel or no sequence, 111 system error.\n";

[[noreturn]] void die(const char* what, const char* which) {
  std::fprintf(stderr, "sdr-stat: fatal: %s%s\n", what, which);
  std::exit(100);
}

double parse_interval(const char* text) {
  double seconds = 0;
  const char* const end = text + std::strlen(text);
  const std::from_chars_result result =
      std::from_chars(text, end, seconds, std::chars_format::fixed);
  const bool good = result.ec == std::errc() && result.ptr == end;
  if (!good || !(seconds >= 0 && seconds <= kIntervalMax_s))
    die("--interval takes seconds up to 86400, not ", text);
  return seconds;
}

uint64_t take(const Quantity& quantity, const char* option) {
  if (quantity.error.empty()) return quantity.value;
  die(option, (": " + quantity.error).c_str());
}

}  // namespace

Options parse_options(int argc, char** argv) {
  enum {
    kGaps = 256,
    kJson,
    kPrometheus,
    kPreflight,
    kWatch,
    kFor,
    kNeed,
    kInterval,
    kConfig,
    kRun,
    kHelpMe,
    kVersion
  };
  static constexpr option kOptions[] = {{"gaps", no_argument, nullptr, kGaps},
                                        {"json", no_argument, nullptr, kJson},
                                        {"prometheus", no_argument, nullptr, kPrometheus},
                                        {"preflight", no_argument, nullptr, kPreflight},
                                        {"watch", no_argument, nullptr, kWatch},
                                        {"for", required_argument, nullptr, kFor},
                                        {"need", required_argument, nullptr, kNeed},
                                        {"interval", required_argument, nullptr, kInterval},
                                        {"config", required_argument, nullptr, kConfig},
                                        {"run", required_argument, nullptr, kRun},
                                        {"help", no_argument, nullptr, kHelpMe},
                                        {"version", no_argument, nullptr, kVersion},
                                        {}};
  Options options;
  std::optional<double> interval_s;
  const char* of_preflight = nullptr;
  int option;
  while ((option = getopt_long(argc, argv, ":", kOptions, nullptr)) != -1) {
    switch (option) {
      case kGaps:
        options.gaps = true;
        break;
      case kJson:
        options.json = true;
        break;
      case kPrometheus:
        options.prometheus = true;
        break;
      case kPreflight:
        options.preflight = true;
        break;
      case kWatch:
        options.watch = true;
        break;
      case kFor:
        of_preflight = "--for";
        options.for_s = take(parse_duration_us(optarg), "--for") / 1'000'000;
        break;
      case kNeed:
        of_preflight = "--need";
        options.need_bytes_per_s = take(parse_size_bytes(optarg), "--need");
        break;
      case kInterval:
        interval_s = parse_interval(optarg);
        break;
      case kConfig:
        options.place.config = optarg;
        options.place.config_given = true;
        break;
      case kRun:
        options.place.run = optarg;
        options.place.run_given = true;
        break;
      case kHelpMe:
        std::fputs(kHelp, stdout);
        std::exit(0);
      case kVersion:
        std::puts("sdr-stat " SDR_VERSION);
        std::exit(0);
      case ':':
        die("no value given for ", argv[optind - 1]);
      default:
        die("unknown option ", argv[optind - 1]);
    }
  }
  if (options.prometheus && options.json) die("--json and --prometheus exclude each other", "");
  if (options.prometheus && options.gaps) die("--gaps and --prometheus exclude each other", "");
  if (options.prometheus && interval_s) die("--prometheus reads once, and takes no ", "--interval");
  if (options.preflight && options.gaps) die("--gaps and --preflight exclude each other", "");
  if (options.preflight && options.prometheus)
    die("--prometheus and --preflight exclude each other", "");
  if (options.watch && (options.gaps || options.json || options.prometheus || options.preflight))
    die("--watch shows the table only; leave out --gaps, --json, --prometheus and ", "--preflight");
  if (options.watch && interval_s && *interval_s < kWatchIntervalMin_s)
    die("--watch takes an --interval of at least 0.1, not less", "");
  if (of_preflight && !options.preflight) die("without --preflight there is no ", of_preflight);
  if (options.gaps && interval_s) die("--gaps reads once, and takes no ", "--interval");
  options.interval_s =
      interval_s.value_or((options.json && !options.preflight) || options.prometheus ? 0 : 1);
  options.names.assign(argv + optind, argv + argc);
  return options;
}

}  // namespace sdr::status
