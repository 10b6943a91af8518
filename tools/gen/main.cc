// sdr-gen: turns the configuration into service directories.
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "tools/gen/apply.h"
#include "tools/gen/check_command.h"
#include "tools/gen/config.h"
#include "tools/gen/options.h"
#include "tools/gen/render.h"

namespace {

constexpr int kUsageError = 100;
constexpr int kSystemError = 111;

constexpr char kHelp[] =
    "usage: sdr-gen --check [--host] [--json] [OPTION...]\n"
    "       sdr-gen --render DIR [OPTION...]\n"
    "       sdr-gen --apply [NAME...] [OPTION...]\n"
    "Turns the configuration of SpeedData Relay into service directories for s6.\n"
    "\n"
    "  --check          read and check the configuration, write nothing\n"
    "  --host           hold it against this machine too: interfaces, users, CPUs, storage\n"
    "  --json           print what --check finds as JSON\n"
    "  --render DIR     write the whole tree of service directories into DIR\n"
    "  --apply          make it so: add, change and remove services; only those NAMEd, if any\n"
    "\n"
    "  --config FILE    the configuration (default /etc/speeddata/relay.toml)\n"
    "  --run DIR        where services live (default /run/speeddata)\n"
    "  --log DIR        where services log (default /var/log/speeddata)\n"
    "  --bin DIR        where sdr-relay and sdr-confine are (default: beside this program)\n"
    "  --templates DIR  where the templates of service directories are\n"
    "  --help --version\n";

enum class Command { kNone, kCheck, kRender, kApply };

struct Invocation {
  Command command = Command::kNone;
  bool host = false;
  std::string render_dir;
  std::vector<std::string> names;
  sdr::GenOptions options;
};

int usage_error(const std::string& message) {
  fprintf(stderr, "sdr-gen: fatal: %s; see --help\n", message.c_str());
  return kUsageError;
}

constexpr option kOptions[] = {
    {"check", 0, nullptr, 'c'},     {"host", 0, nullptr, 'h'},  {"json", 0, nullptr, 'j'},
    {"render", 1, nullptr, 'r'},    {"apply", 0, nullptr, 'a'}, {"config", 1, nullptr, 'f'},
    {"run", 1, nullptr, 'R'},       {"log", 1, nullptr, 'L'},   {"bin", 1, nullptr, 'B'},
    {"templates", 1, nullptr, 'T'}, {"help", 0, nullptr, 'H'},  {"version", 0, nullptr, 'V'},
    {nullptr, 0, nullptr, 0},
};

// The text that getopt_long() was looking at when it found fault.
std::string offending(int argc, char** argv) {
  if (optopt != 0 && optopt < 128 && strchr("cjrafRLBTHVh", optopt)) {
    for (const option& known : kOptions) {
      if (known.name && known.val == optopt) return "--" + std::string(known.name);
    }
  }
  return optind - 1 < argc ? argv[optind - 1] : "?";
}

// Takes one option; returns an error message or "".
std::string take(int id, Invocation* out) {
  const std::string text = optarg ? optarg : "";
  if (optarg && text.empty()) return "an option has an empty value";
  const auto command = [out](Command wanted) -> std::string {
    if (out->command != Command::kNone) return "--check, --render and --apply exclude each other";
    out->command = wanted;
    return "";
  };
  switch (id) {
    case 'c':
      return command(Command::kCheck);
    case 'a':
      return command(Command::kApply);
    case 'r':
      out->render_dir = text;
      return command(Command::kRender);
    case 'h':
      out->host = true;
      return "";
    case 'j':
      out->options.json = true;
      return "";
    case 'f':
      out->options.config_file = text;
      return "";
    case 'R':
      out->options.run_dir = text;
      return "";
    case 'L':
      out->options.log_dir = text;
      return "";
    case 'B':
      out->options.bin_dir = text;
      return "";
    case 'T':
      out->options.templates_dir = text;
      return "";
    default:
      return "";
  }
}

std::string complaint(const Invocation& in) {
  if (in.command == Command::kNone) return "one of --check, --render and --apply is needed";
  if (in.host && in.command != Command::kCheck) return "--host goes with --check";
  if (in.options.json && in.command != Command::kCheck) return "--json goes with --check";
  if (!in.names.empty() && in.command != Command::kApply) {
    return "unexpected argument '" + in.names[0] + "'";
  }
  return "";
}

// Returns -1 to go on, else the exit code.
int parse(int argc, char** argv, Invocation* out) {
  opterr = 0;
  for (;;) {
    const int id = getopt_long(argc, argv, ":", kOptions, nullptr);
    if (id == -1) break;
    if (id == 'H' || id == 'V') {
      fputs(id == 'H' ? kHelp : "sdr-gen " SDR_VERSION "\n", stdout);
      return fflush(stdout) == 0 ? 0 : kSystemError;
    }
    if (id == '?') return usage_error("unknown option " + offending(argc, argv));
    if (id == ':') return usage_error("option " + offending(argc, argv) + " lacks its value");
    const std::string message = take(id, out);
    if (!message.empty()) return usage_error(message);
  }
  for (int i = optind; i < argc; ++i) out->names.push_back(argv[i]);
  const std::string message = complaint(*out);
  return message.empty() ? -1 : usage_error(message);
}

std::string own_directory() {
  char path[4096];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
  if (size <= 0 || size == static_cast<ssize_t>(sizeof path)) return ".";
  const std::string text(path, static_cast<size_t>(size));
  return text.substr(0, text.rfind('/'));
}

int run(Invocation& in) {
  sdr::GenOptions& options = in.options;
  if (options.bin_dir.empty()) options.bin_dir = own_directory();
  const char* no_color = getenv("NO_COLOR");
  options.colour = isatty(STDERR_FILENO) && !(no_color && *no_color);
  const sdr::LoadedConfig loaded = sdr::load_config(options.config_file);
  if (in.command == Command::kCheck) return sdr::check_command(loaded, options, in.host);
  sdr::print_diagnostics(loaded.diagnostics, options.colour);
  if (!loaded.ok()) return 1;
  if (in.command == Command::kRender) {
    return sdr::render_command(loaded.config, options, in.render_dir);
  }
  return sdr::apply_command(loaded.config, options, in.names);
}

}  // namespace

int main(int argc, char** argv) {
  Invocation in;
  try {
    const int exit_code = parse(argc, argv, &in);
    return exit_code >= 0 ? exit_code : run(in);
  } catch (const std::exception& e) {
    fprintf(stderr, "sdr-gen: fatal: %s\n", e.what());
    return kSystemError;
  }
}
