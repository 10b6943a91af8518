#include "tools/gen/boot.h"

#include <stdio.h>

#include <map>
#include <set>
#include <utility>

#include "tools/gen/applied.h"
#include "tools/gen/check_command.h"
#include "tools/gen/failure.h"

namespace sdr {
namespace {

// The tables of one file by the line they begin at: the name of a channel, or "" for the rest.
using Tables = std::map<size_t, std::string>;

std::map<std::string, Tables> tables_of(const Config& config) {
  std::map<std::string, Tables> out;
  for (const auto& [key, place] : config.storage.keys) out[place.file][place.line] = "";
  for (const auto& [name, channel] : config.channels) {
    out[channel.place.file][channel.place.line] = name;
  }
  return out;
}

// Whom an error concerns; empty: everybody.
std::set<std::string> concerned(const Diagnostic& error, const Config& config,
                                const std::map<std::string, Tables>& tables) {
  std::set<std::string> out;
  for (const auto& [name, channel] : config.channels) {
    if (error.file == channel.schema_path) out.insert(name);
  }
  const auto file = tables.find(error.file);
  if (!out.empty() || file == tables.end()) return out;
  auto table = file->second.upper_bound(error.line);
  if (table == file->second.begin()) return out;
  --table;
  if (!table->second.empty()) out.insert(table->second);
  return out;
}

}  // namespace

bool drop_broken_channels(LoadedConfig* loaded) {
  const std::map<std::string, Tables> tables = tables_of(loaded->config);
  std::set<std::string> broken;
  for (const Diagnostic& diagnostic : loaded->diagnostics) {
    if (diagnostic.severity != Severity::kError) continue;
    const std::set<std::string> names = concerned(diagnostic, loaded->config, tables);
    if (names.empty()) return false;
    broken.insert(names.begin(), names.end());
  }
  for (const std::string& name : broken) loaded->config.channels.erase(name);
  return true;
}

BootConfig boot_config(const GenOptions& options, const std::string& state_dir) {
  LoadedConfig loaded = load_config(options.config_file);
  print_diagnostics(loaded.diagnostics, options.colour);
  if (loaded.ok()) return {std::move(loaded.config), true};
  const std::string last = last_config(state_dir);
  if (!last.empty()) {
    LoadedConfig kept = load_config(last);
    if (kept.ok()) {
      fprintf(stderr,
              "sdr-gen: warning: %s is broken; starting with the config applied last (%s)\n",
              options.config_file.c_str(), last.c_str());
      return {std::move(kept.config), true};
    }
    print_diagnostics(kept.diagnostics, options.colour);
  }
  const size_t all = loaded.config.channels.size();
  if (!drop_broken_channels(&loaded) || loaded.config.channels.empty()) {
    throw Failure(kNotReady,
                  options.config_file + " is broken, and none was applied before; nothing starts");
  }
  fprintf(stderr, "sdr-gen: warning: %s is broken; starting without %zu of its %zu channels\n",
          options.config_file.c_str(), all - loaded.config.channels.size(), all);
  return {std::move(loaded.config), false};
}

}  // namespace sdr
