#include "tools/config/in_force.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>

#include "tools/config/text_file.h"

namespace sdr {
namespace fs = std::filesystem;
namespace {

constexpr size_t kFileBytesMax = 64 << 20;

std::optional<std::string> text_of(const std::string& path) {
  std::string text, error;
  if (!read_text_file(path, kFileBytesMax, false, &text, &error)) return {};
  return text;
}

// "channels.d/NAME.toml" of what is there below `dir`.
void add_fragments(const std::string& dir, std::set<std::string>* names) {
  std::error_code failed;
  const std::string fragments = dir + "channels.d";
  for (const fs::directory_entry& entry : fs::directory_iterator(fragments, failed)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with('.') && name.ends_with(".toml")) names->insert("channels.d/" + name);
  }
}

// The schemas that a config names below its own directory; others are not kept with what is
// applied.
void add_schemas(const std::string& file, const std::string& dir, std::set<std::string>* names) {
  for (const auto& [name, channel] : load_config(file, Schemas::kLeft).config.channels) {
    std::string path = fs::path(channel.schema_path).lexically_normal().string();
    if (!dir.empty() && path.starts_with(dir)) path.erase(0, dir.size());
    if (!path.empty() && path[0] != '/' && path[0] != '.') names->insert(path);
  }
}

}  // namespace

std::string config_in_force(const ConfigPlace& place) {
  const std::string applied = place.run + "/applied/relay.toml";
  const bool explicit_config = place.config_given && !place.run_given;
  return !explicit_config && access(applied.c_str(), F_OK) == 0 ? applied : place.config;
}

std::vector<std::string> files_not_applied(const ConfigPlace& place) {
  const bool of_this_fleet = place.config_given == place.run_given;
  const std::string applied = place.run + "/applied/";
  if (!of_this_fleet || access((applied + "relay.toml").c_str(), F_OK) != 0 ||
      access(place.config.c_str(), R_OK) != 0)
    return {};
  const size_t slash = place.config.rfind('/');
  const std::string dir = slash == std::string::npos ? "" : place.config.substr(0, slash + 1);
  std::set<std::string> names;
  for (const std::string& side : {dir, applied}) add_fragments(side, &names);
  add_schemas(place.config, dir, &names);
  std::vector<std::string> differing;
  if (text_of(place.config) != text_of(applied + "relay.toml")) differing.push_back("relay.toml");
  for (const std::string& name : names) {
    if (text_of(dir + name) != text_of(applied + name)) differing.push_back(name);
  }
  return differing;
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
