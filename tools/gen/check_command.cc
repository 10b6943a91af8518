#include "tools/gen/check_command.h"

#include <errno.h>

#include <algorithm>
#include <cstdio>

#include "tools/config/diagnostic.h"
#include "tools/gen/failure.h"
#include "tools/lib/counted.h"
#include "tools/lib/json.h"

namespace sdr {
namespace {

size_t count_of(const std::vector<Diagnostic>& diagnostics, Severity severity) {
  return static_cast<size_t>(
      std::count_if(diagnostics.begin(), diagnostics.end(),
                    [severity](const Diagnostic& d) { return d.severity == severity; }));
}

}  // namespace

void print_diagnostics(const std::vector<Diagnostic>& diagnostics, bool colour) {
  std::string out;
  for (const Diagnostic& d : diagnostics) out += format_diagnostic(d, colour);
  const size_t errors = count_of(diagnostics, Severity::kError);
  const size_t warnings = diagnostics.size() - errors;
  if (diagnostics.size() > 1) {
    out += "sdr-gen: " + (errors != 0 ? counted(errors, "error") : "");
    if (warnings != 0) out += (errors != 0 ? ", " : "") + counted(warnings, "warning");
    out += '\n';
  }
  fputs(out.c_str(), stderr);
}

std::string diagnostics_json(const Config& config, const std::vector<Diagnostic>& diagnostics) {
  std::string out;
  JsonWriter json(&out);
  const size_t errors = count_of(diagnostics, Severity::kError);
  json.begin_object().member("ok", errors == 0).member("errors", errors);
  json.member("warnings", diagnostics.size() - errors).key("channels").begin_array();
  for (const auto& [name, channel] : config.channels) json.value(name);
  json.end_array().key("diagnostics").begin_array();
  for (const Diagnostic& d : diagnostics) {
    json.begin_object();
    json.member("severity", d.severity == Severity::kError ? "error" : "warning");
    json.member("file", d.file).member("line", d.line).member("column", d.column);
    json.member("message", d.message).member("source", d.source_line);
    json.end_object();
  }
  json.end_array().end_object();
  return out;
}

std::vector<Diagnostic> find_all(const LoadedConfig& loaded, bool host) {
  std::vector<Diagnostic> found = loaded.diagnostics;
  // A config that is wrong in itself would only make findings that follow from it.
  if (host && loaded.ok()) {
    const std::vector<Diagnostic> more = check_host(loaded.config);
    found.insert(found.end(), more.begin(), more.end());
  }
  return found;
}

bool any_error(const std::vector<Diagnostic>& diagnostics) {
  return count_of(diagnostics, Severity::kError) != 0;
}

int report_findings(const Config& config, const std::vector<Diagnostic>& found,
                    const GenOptions& options) {
  const bool ok = !any_error(found);
  std::string out;
  if (options.json) {
    out = diagnostics_json(config, found) + "\n";
  } else {
    print_diagnostics(found, options.colour);
    if (ok) {
      out = printable(config.file, 4096) + ": good, " + counted(config.channels.size(), "channel") +
            "\n";
    }
  }
  if (fputs(out.c_str(), stdout) < 0 || fflush(stdout) != 0) {
    throw_system_error("write", "standard output", errno);
  }
  return ok ? kDone : kInvalid;
}

}  // namespace sdr
