#include "tools/cat/options.h"

#include <getopt.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "relay/clock.h"
#include "tools/cat/digest.h"
#include "tools/config/diagnostic.h"
#include "tools/recording/field_path.h"

namespace sdr::cat {
namespace {

constexpr char kHelp[] =
    "Usage: sdr-cat [OPTION]... FILE|DIRECTORY|CHANNEL|-...\n"
    "Print recordings as JSON, one datum a line, as CSV, or as an Avro file.\n"
    "\n"
    "  --format json|csv|avro  in which form (default json)\n"
    "  --fields FIELDS  only these, FIELD[,FIELD…]: speed, pose.x, cells[3]; @time: when received\n"
    "  --follow       go on with what is recorded from now on, or from --from on\n"
    "  --typed        values of unions as {\"type\": value}, as Avro's own JSON has them\n"
    "  --from TIME    only what was received then or later: 2026-11-22T20:15, 20:15, -1h …\n"
    "  --to TIME      only what was received before; times are local unless they have a zone\n"
    "  --limit N      print N datums at most\n"
    "  --count        print how many datums there are, and nothing else\n"
    "  --stats        counts, times, rate, what was lost, and of each number min, mean, max …\n"
    "  --plot FIELDS  draw numbers over time, FIELD[,FIELD…], in the terminal\n"
    "  --plot-svg FILE  draw them into an SVG file; - is standard output\n"
    "  --check        verify every block and every datum; say what was lost when\n"
    "  --repair       write what is sound of a damaged file anew; keep it as FILE.damaged\n"
    "  --recover      make a segment of the rejected datagrams that are datums of --schema\n"
    "  --schema FILE  the schema (.avsc) to recover with\n"
    "  --output FILE  where to recover to (default: a segment of the channel)\n"
    "  --rejected     of a channel: the datagrams that were no datums\n"
    "  --utc          print times of day in UTC\n"
    "  --config FILE  where channels are configured (default /etc/speeddata/relay.toml)\n"
    "  --run DIR      the run directory (default /run/speeddata)\n"
    "  --help, --version\n"
    "\n"
    "Exit status: 0 all is well, 1 something is damaged or was lost, 100 usage, 111 system "
    "error.\n";

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

int64_t parse_time(const char* name, const char* text) {
  const std::optional<int64_t> time = parse_moment(text, realtime_us());
  if (time) return *time;
  die(name,
      (std::string(" takes a time such as 2026-11-22T20:15:00, 20:15, -1h or now, not ") + text)
          .c_str());
}

enum : int {
  kFormat = 256,
  kFields,
  kFollow,
  kFrom,
  kTo,
  kRecover,
  kSchema,
  kOutput,
  kTyped,
  kLimit,
  kCount,
  kStats,
  kPlot,
  kPlotSvg,
  kCheck,
  kRepair,
  kRejected,
  kUtc,
  kConfig,
  kRun,
  kHelpMe
};

constexpr option kOptions[] = {{"format", required_argument, nullptr, kFormat},
                               {"fields", required_argument, nullptr, kFields},
                               {"follow", no_argument, nullptr, kFollow},
                               {"from", required_argument, nullptr, kFrom},
                               {"to", required_argument, nullptr, kTo},
                               {"recover", no_argument, nullptr, kRecover},
                               {"schema", required_argument, nullptr, kSchema},
                               {"output", required_argument, nullptr, kOutput},
                               {"typed", no_argument, nullptr, kTyped},
                               {"limit", required_argument, nullptr, kLimit},
                               {"count", no_argument, nullptr, kCount},
                               {"stats", no_argument, nullptr, kStats},
                               {"plot", required_argument, nullptr, kPlot},
                               {"plot-svg", required_argument, nullptr, kPlotSvg},
                               {"check", no_argument, nullptr, kCheck},
                               {"repair", no_argument, nullptr, kRepair},
                               {"rejected", no_argument, nullptr, kRejected},
                               {"utc", no_argument, nullptr, kUtc},
                               {"config", required_argument, nullptr, kConfig},
                               {"run", required_argument, nullptr, kRun},
                               {"help", no_argument, nullptr, kHelpMe},
                               {"version", no_argument, nullptr, 'V'},
                               {}};

std::vector<std::string> take_fields(const char* option, const char* text) {
  std::vector<std::string> fields = split_field_list(text);
  for (const std::string& field : fields)
    if (field.empty())
      die(option, (" takes fields with commas between them, not " + quoted(text)).c_str());
  return fields;
}

Format take_format(const char* text) {
  if (std::strcmp(text, "json") == 0) return Format::kJson;
  if (std::strcmp(text, "csv") == 0) return Format::kCsv;
  if (std::strcmp(text, "avro") == 0) return Format::kAvro;
  die("--format takes json, csv or avro, not ", text);
}

// Of an option that says what to do; otherwise kPrint.
Mode mode_of(int option) {
  switch (option) {
    case kCount:
      return Mode::kCount;
    case kStats:
      return Mode::kStats;
    case kPlot:
      return Mode::kPlot;
    case kCheck:
      return Mode::kCheck;
    case kRepair:
      return Mode::kRepair;
    case kRecover:
      return Mode::kRecover;
    default:
      return Mode::kPrint;
  }
}

void take_option(int option, char** argv, Options* options) {
  switch (option) {
    case kFormat:
      options->sink.format = take_format(optarg);
      options->json = true;
      break;
    case kFields:
      options->sink.fields = take_fields("--fields", optarg);
      break;
    case kFollow:
      options->follow = true;
      break;
    case kFrom:
      options->range.from_us = parse_time("--from", optarg);
      break;
    case kTo:
      options->range.to_us = parse_time("--to", optarg);
      break;
    case kPlot:
      options->plot_fields = take_fields("--plot", optarg);
      if (options->plot_fields.size() > kPanelsMax)
        die("--plot draws at most ", (std::to_string(kPanelsMax) + " fields").c_str());
      break;
    case kPlotSvg:
      options->svg = optarg;
      if (options->svg.empty()) die("--plot-svg needs the name of a file, or -");
      break;
    case kSchema:
      options->schema = optarg;
      break;
    case kOutput:
      options->output = optarg;
      break;
    case kTyped:
      options->unions = Unions::kTyped;
      break;
    case kLimit:
      options->limit = parse_limit(optarg);
      break;
    case kRejected:
      options->rejected = true;
      break;
    case kUtc:
      options->utc = options->sink.utc = true;
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

void check_printing(const Options& options) {
  const bool prints = options.mode == Mode::kPrint;
  const SinkOptions& sink = options.sink;
  if (sink.format != Format::kJson && !prints) die("--format csv and avro are for printing only");
  if (!sink.fields.empty() && !prints) die("--fields is for printing only");
  if (options.unions == Unions::kTyped && sink.format != Format::kJson)
    die("--typed is for JSON only");
  if (sink.format == Format::kAvro && isatty(STDOUT_FILENO))
    die("--format avro is no text: redirect it into a file or a pipe");
  if (!options.follow) return;
  if (!prints) die("--follow is for printing only");
  if (options.inputs.size() != 1 || options.inputs[0] == "-")
    die("--follow takes one channel, or its directory");
  if (options.rejected) die("--follow does not go with --rejected");
  if (options.range.to_us != INT64_MAX) die("--follow has no end, and takes no --to");
}

// What goes together, once all has been read.
void check_together(const Options& options) {
  const bool recovers = options.mode == Mode::kRecover;
  const bool verifies = options.mode == Mode::kCheck || options.mode == Mode::kRepair;
  if (options.limit >= 0 && options.mode != Mode::kPrint) die("--limit is for printing only");
  if (!options.range.is_all() && verifies)
    die("--from and --to do not go with --check and --repair");
  if (options.range.from_us >= options.range.to_us) die("--from is not before --to");
  if (!options.svg.empty() && options.mode != Mode::kPlot)
    die("--plot-svg needs --plot FIELD: what to draw");
  if (options.json && options.mode == Mode::kPlot) die("--format does not go with --plot");
  if (recovers && options.schema.empty()) die("--recover needs --schema FILE");
  if (!recovers && !(options.schema.empty() && options.output.empty()))
    die("--schema and --output go with --recover only");
  if (recovers && options.rejected) die("--recover takes rejected datagrams anyway");
  check_printing(options);
  if (options.inputs.empty()) die("no file or channel given; see sdr-cat --help");
}

}  // namespace

Options parse_options(int argc, char** argv) {
  Options options;
  int option;
  while ((option = getopt_long(argc, argv, ":", kOptions, nullptr)) != -1) {
    const Mode mode = mode_of(option);
    if (mode == Mode::kPrint || mode == Mode::kPlot) take_option(option, argv, &options);
    if (mode == Mode::kPrint) continue;
    if (options.mode != Mode::kPrint && options.mode != mode)
      die("--count, --stats, --plot, --check, --repair and --recover do not go together");
    options.mode = mode;
  }
  options.inputs.assign(argv + optind, argv + argc);
  check_together(options);
  return options;
}

}  // namespace sdr::cat
