// sdr-gen: turns the configuration into service directories.
#include <errno.h>
#include <getopt.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "tools/config/config.h"
#include "tools/gen/apply.h"
#include "tools/gen/check_command.h"
#include "tools/gen/diff_command.h"
#include "tools/gen/failure.h"
#include "tools/gen/options.h"
#include "tools/gen/render.h"
#include "tools/lib/json.h"

namespace {

constexpr char kHelp[] =
    "usage: sdr-gen --check [--host] [OPTION...]\n"
    "       sdr-gen --render DIR [OPTION...]\n"
    "       sdr-gen --diff [OPTION...]\n"
    "       sdr-gen --apply [NAME...] [OPTION...]\n"
    "       sdr-gen --rollback [OPTION...]\n"
    "       sdr-gen --refresh [OPTION...]\n"
    "       sdr-gen --boot [OPTION...]\n"
    "Turns the configuration of SpeedData Relay into service directories for s6 or runit.\n"
    "\n"
    "  --check          read and check the configuration, write nothing\n"
    "  --host           hold it against this machine too: interfaces, users, CPUs, storage\n"
    "  --render DIR     write the whole tree of service directories into DIR\n"
    "  --diff           show what --apply would do, and a unified diff; 2 where there are changes\n"
    "  --apply          make it so: add, change and remove services; only those NAMEd, if any\n"
    "  --rollback       apply the configuration that was applied before\n"
    "  --refresh        after an upgrade: apply what is in force again; the changed restart\n"
    "  --boot           start with the configuration, or with the last good one\n"
    "  --force          with --apply and --rollback: over files edited by hand too\n"
    "  --json           print what the command has to say as JSON\n"
    "\n"
    "  --config FILE    the configuration (default /etc/speeddata/relay.toml)\n"
    "  --run DIR        where services live (default /run/speeddata)\n"
    "  --log DIR        where services log (default /var/log/speeddata)\n"
    "  --state DIR      where the applied configurations are kept (default /var/lib/speeddata,\n"
    "                   or RUN/state with another --run)\n"
    "  --bin DIR        where sdr-relay and sdr-confine are (default: beside this program)\n"
    "  --templates DIR  where the templates of service directories are\n"
    "  --target T       s6 (default) or runit\n"
    "  --scandir DIR    link the services into this scan directory (default RUN/service)\n"
    "  --prefix P       begin their names there with P\n"
    "  --help --version\n";

enum class Command { kNone, kCheck, kRender, kDiff, kApply, kRollback, kRefresh, kBoot };

const std::string kCommands =
    "--check, --render, --diff, --apply, --rollback, --refresh and --boot";

struct Invocation {
  Command command = Command::kNone;
  bool host = false;
  std::string render_dir;
  std::vector<std::string> names;
  sdr::GenOptions options;
};

int usage_error(const std::string& message) {
  fprintf(stderr, "sdr-gen: fatal: %s; see --help\n", message.c_str());
  return sdr::kUsageError;
}

constexpr option kOptions[] = {
    {"check", 0, nullptr, 'c'},     {"host", 0, nullptr, 'h'},    {"json", 0, nullptr, 'j'},
    {"render", 1, nullptr, 'r'},    {"diff", 0, nullptr, 'd'},    {"apply", 0, nullptr, 'a'},
    {"rollback", 0, nullptr, 'b'},  {"refresh", 0, nullptr, 'e'}, {"boot", 0, nullptr, 'o'},
    {"force", 0, nullptr, 'F'},     {"config", 1, nullptr, 'f'},  {"run", 1, nullptr, 'R'},
    {"log", 1, nullptr, 'L'},       {"state", 1, nullptr, 'S'},   {"bin", 1, nullptr, 'B'},
    {"templates", 1, nullptr, 'T'}, {"target", 1, nullptr, 't'},  {"scandir", 1, nullptr, 's'},
    {"prefix", 1, nullptr, 'p'},    {"help", 0, nullptr, 'H'},    {"version", 0, nullptr, 'V'},
    {nullptr, 0, nullptr, 0},
};

// The text that getopt_long() was looking at when it found fault.
std::string offending(int argc, char** argv) {
  if (optopt != 0) {
    for (const option& known : kOptions) {
      if (known.name && known.val == optopt) return "--" + std::string(known.name);
    }
  }
  return optind - 1 < argc ? argv[optind - 1] : "?";
}

// The beginning of names in somebody else's directory: not hidden, not elsewhere.
bool is_prefix(const std::string& text) {
  return text[0] != '.' && text.find_first_not_of(
                               "abcdefghijklmnopqrstuvwxyz"
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "0123456789._-") == std::string::npos;
}

std::string* place_for(int id, sdr::GenOptions* options) {
  switch (id) {
    case 'f':
      return &options->config_file;
    case 'R':
      return &options->run_dir;
    case 'L':
      return &options->log_dir;
    case 'S':
      return &options->state_dir;
    case 'B':
      return &options->bin_dir;
    case 's':
      return &options->scan_dir;
    default:
      return &options->templates_dir;
  }
}

// Takes one option; returns an error message or "".
std::string take(int id, Invocation* out) {
  const std::string text = optarg ? optarg : "";
  if (optarg && text.empty()) return "an option has an empty value";
  const auto command = [out](Command wanted) -> std::string {
    if (out->command != Command::kNone) {
      return kCommands + " exclude each other";
    }
    out->command = wanted;
    return "";
  };
  sdr::GenOptions& options = out->options;
  switch (id) {
    case 'c':
      return command(Command::kCheck);
    case 'd':
      return command(Command::kDiff);
    case 'a':
      return command(Command::kApply);
    case 'b':
      return command(Command::kRollback);
    case 'e':
      return command(Command::kRefresh);
    case 'o':
      return command(Command::kBoot);
    case 'r':
      out->render_dir = text;
      return command(Command::kRender);
    case 'h':
      out->host = true;
      return "";
    case 'j':
      options.json = true;
      return "";
    case 'F':
      options.force = true;
      return "";
    case 't':
      options.target = text == "runit" ? sdr::Target::kRunit : sdr::Target::kS6;
      return text == "runit" || text == "s6" ? "" : "--target: '" + text + "' is not s6 or runit";
    case 'p':
      options.prefix = text;
      return is_prefix(text) ? "" : "--prefix: '" + text + "' is no beginning of a name";
    default:
      *place_for(id, &options) = text;
      return "";
  }
}

std::string complaint(const Invocation& in) {
  const Command command = in.command;
  if (command == Command::kNone) {
    return "one of " + kCommands + " is needed";
  }
  if (in.host && command != Command::kCheck) return "--host goes with --check";
  if (in.options.json && command == Command::kRender) return "--json does not go with --render";
  if (in.options.force && command != Command::kApply && command != Command::kRollback) {
    return "--force goes with --apply and --rollback";
  }
  if (!in.options.prefix.empty() && in.options.scan_dir.empty()) return "--prefix needs --scandir";
  if (!in.names.empty() && command != Command::kApply) {
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
      return fflush(stdout) == 0 ? 0 : sdr::kSystemFailed;
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
  if (in.command == Command::kRollback) return sdr::rollback_command(options);
  if (in.command == Command::kRefresh) return sdr::refresh_command(options);
  if (in.command == Command::kBoot) return sdr::boot_command(options);
  const sdr::LoadedConfig loaded = sdr::load_config(options.config_file);
  if (in.command == Command::kCheck || !loaded.ok()) {
    return sdr::report_findings(loaded.config, sdr::find_all(loaded, in.host), options);
  }
  if (in.command == Command::kApply) return sdr::apply_command(loaded, options, in.names);
  sdr::print_diagnostics(loaded.diagnostics, options.colour);
  if (in.command == Command::kDiff) return sdr::diff_command(loaded.config, options);
  sdr::render_command(loaded.config, options, in.render_dir);
  return sdr::kDone;
}

int report_failure(const Invocation& in, int exit_code, const char* text) {
  fflush(stdout);
  fprintf(stderr, "sdr-gen: %s: %s\n", exit_code == sdr::kInvalid ? "error" : "fatal", text);
  if (in.options.json) {
    std::string out;
    sdr::JsonWriter(&out)
        .begin_object()
        .member("exit", exit_code)
        .member("error", text)
        .end_object();
    puts(out.c_str());
  }
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  Invocation in;
  try {
    const int exit_code = parse(argc, argv, &in);
    return exit_code >= 0 ? exit_code : run(in);
  } catch (const sdr::Failure& e) {
    return report_failure(in, e.exit_code, e.what());
  } catch (const std::exception& e) {
    return report_failure(in, sdr::kSystemFailed, e.what());
  }
}
