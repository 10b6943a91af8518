#include "tools/stat/options.h"

#include <getopt.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace sdr::status {
namespace {

constexpr double kIntervalMax_s = 86400;

constexpr char kHelp[] =
    "Usage: sdr-stat [OPTION]... [NAME]...\n"
    "Show what every channel is doing, or those named.\n"
    "\n"
    "  --gaps              list the last sequence numbers that never came\n"
    "  --json              print everything that is counted as JSON\n"
    "  --prometheus        print everything that is counted as Prometheus scrapes it\n"
    "  --interval SECONDS  measure rates over so long (default 1; for programs 0: no rates)\n"
    "  --config FILE       (default /etc/speeddata/relay.toml)\n"
    "  --run DIR           the run directory (default /run/speeddata)\n"
    "  --help, --version\n"
    "\n"
    "Exit status: 0, 100 usage, no such channel or no sequence, 111 system error.\n";

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

}  // namespace

Options parse_options(int argc, char** argv) {
  enum { kGaps = 256, kJson, kPrometheus, kInterval, kConfig, kRun, kHelpMe, kVersion };
  static constexpr option kOptions[] = {{"gaps", no_argument, nullptr, kGaps},
                                        {"json", no_argument, nullptr, kJson},
                                        {"prometheus", no_argument, nullptr, kPrometheus},
                                        {"interval", required_argument, nullptr, kInterval},
                                        {"config", required_argument, nullptr, kConfig},
                                        {"run", required_argument, nullptr, kRun},
                                        {"help", no_argument, nullptr, kHelpMe},
                                        {"version", no_argument, nullptr, kVersion},
                                        {}};
  Options options;
  std::optional<double> interval_s;
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
      case kInterval:
        interval_s = parse_interval(optarg);
        break;
      case kConfig:
        options.config = optarg;
        break;
      case kRun:
        options.run = optarg;
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
  if (options.gaps && interval_s) die("--gaps reads once, and takes no ", "--interval");
  options.interval_s = interval_s.value_or(options.json || options.prometheus ? 0 : 1);
  options.names.assign(argv + optind, argv + argc);
  return options;
}

}  // namespace sdr::status
