#include "tools/config/in_force.h"

#include <unistd.h>

#include <algorithm>

namespace sdr {

std::string config_in_force(const ConfigPlace& place) {
  const std::string applied = place.run + "/applied/relay.toml";
  const bool explicit_config = place.config_given && !place.run_given;
  return !explicit_config && access(applied.c_str(), F_OK) == 0 ? applied : place.config;
}

Storage storage_in_force(const ConfigPlace& place, std::string* error) {
  const std::string file = config_in_force(place);
  const LoadedConfig loaded = load_config(file, Schemas::kLeft);
  const Storage& storage = loaded.config.storage;
  if (!storage.path.empty()) return storage;
  *error = file + ": there is no storage.path";
  for (const Diagnostic& diagnostic : loaded.diagnostics) {
    if (diagnostic.severity != Severity::kError) continue;
    *error = format_diagnostic(diagnostic, false);
    error->erase(std::min(error->size(), error->find('\n')));
    break;
  }
  return {};
}

std::string storage_path(const ConfigPlace& place, std::string* error) {
  return storage_in_force(place, error).path;
}

}  // namespace sdr
