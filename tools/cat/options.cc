#include "tools/cat/options.h"

#include <getopt.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace sdr::cat {
namespace {

constexpr char kHelp[] =
    "Usage: sdr-cat [OPTION]... FILE|DIRECTORY|CHANNEL|-...\n"
    "Print recordings as JSON, one datum a line.\n"
    "\n"
    "  --format json  the only format\n"
    "  --typed        values of unions as {\"type\": value}, as Avro's own JSON has them\n"
    "  --limit N      print N datums at most\n"
    "  --count        print how many datums there are, and nothing else\n"
    "  --check        verify every block and every datum; print a line for each file\n"
    "  --repair       write what is sound of a damaged file anew; keep it as FILE.damaged\n"
    "  --rejected     of a channel: the datagrams that were no datums\n"
    "  --utc          print times of day in UTC\n"
    "  --config FILE  where channels are configured (default /etc/speeddata/relay.toml)\n"
    "  --run DIR      the run directory (default /run/speeddata)\n"
    "  --help, --version\n"
    "\n"
    "Exit status: 0 all is well, 1 something is damaged, 100 usage, 111 system error.\n";

[[noreturn]] void die(const char* what, const char* which = "") {
  std::fprintf(stderr, "sdr-cat: fatal: %s%s\n", what, which);
  std::exit(100);
}

int64_t parse_limit(const char* text) {
  int64_t limit = 0;
  const char* const end = text + std::strlen(text);
  const std::from_chars_result result = std::from_chars(text, end, limit);
  if (result.ec != std::errc() || result.ptr != end || limit < 0)
    die("--limit takes a count, not ", text);
  return limit;
}

}  // namespace

Options parse_options(int argc, char** argv) {
  enum {
    kFormat = 256,
    kTyped,
    kLimit,
    kCount,
    kCheck,
    kRepair,
    kRejected,
    kUtc,
    kConfig,
    kRun,
    kHelpMe
  };
  static constexpr option kOptions[] = {{"format", required_argument, nullptr, kFormat},
                                        {"typed", no_argument, nullptr, kTyped},
                                        {"limit", required_argument, nullptr, kLimit},
                                        {"count", no_argument, nullptr, kCount},
                                        {"check", no_argument, nullptr, kCheck},
                                        {"repair", no_argument, nullptr, kRepair},
                                        {"rejected", no_argument, nullptr, kRejected},
                                        {"utc", no_argument, nullptr, kUtc},
                                        {"config", required_argument, nullptr, kConfig},
                                        {"run", required_argument, nullptr, kRun},
                                        {"help", no_argument, nullptr, kHelpMe},
                                        {"version", no_argument, nullptr, 'V'},
                                        {}};
  Options options;
  bool counts = false, checks = false, repairs = false;
  int option;
  while ((option = getopt_long(argc, argv, ":", kOptions, nullptr)) != -1) {
    switch (option) {
      case kFormat:
        if (std::strcmp(optarg, "json") != 0) die("--format takes json, not ", optarg);
        break;
      case kTyped:
        options.unions = Unions::kTyped;
        break;
      case kLimit:
        options.limit = parse_limit(optarg);
        break;
      case kCount:
        counts = true;
        break;
      case kCheck:
        checks = true;
        break;
      case kRepair:
        repairs = true;
        break;
      case kRejected:
        options.rejected = true;
        break;
      case kUtc:
        options.utc = true;
        break;
      case kConfig:
        options.config = optarg;
        options.config_given = true;
        break;
      case kRun:
        options.run = optarg;
        options.run_given = true;
        break;
      case kHelpMe:
        std::fputs(kHelp, stdout);
        std::exit(0);
      case 'V':
        std::puts("sdr-cat " SDR_VERSION);
        std::exit(0);
      case ':':
        die("no value given for ", argv[optind - 1]);
      default:
        die("unknown option ", argv[optind - 1]);
    }
  }
  if (counts + checks + repairs > 1) die("--count, --check and --repair do not go together");
  if (options.limit >= 0 && (counts || checks || repairs)) die("--limit is for printing only");
  options.mode = counts    ? Mode::kCount
                 : checks  ? Mode::kCheck
                 : repairs ? Mode::kRepair
                           : Mode::kPrint;
  options.inputs.assign(argv + optind, argv + argc);
  if (options.inputs.empty()) die("no file or channel given; see sdr-cat --help");
  return options;
}

}  // namespace sdr::cat
