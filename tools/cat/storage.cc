// storage_path() stands alone: toml++ is slow to compile.
#include <errno.h>
#include <string.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <fstream>
#include <optional>

#include "tools/cat/source.h"

namespace sdr::cat {

std::string storage_path(const Options& options, std::string* error) {
  const std::string applied = options.run + "/applied/relay.toml";
  const bool explicit_config = options.config_given && !options.run_given;
  const bool is_applied = !explicit_config && access(applied.c_str(), F_OK) == 0;
  const std::string& file = is_applied ? applied : options.config;
  try {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) {
      *error = file + ": " + strerror(errno);
      return "";
    }
    const toml::table config = toml::parse(stream, file);
    const std::optional<std::string> path = config["storage"]["path"].value<std::string>();
    if (path && path->starts_with('/')) return *path;
    *error = file + (path ? ": storage.path is not absolute" : ": there is no storage.path");
  } catch (const toml::parse_error& bad) {
    *error = file + ":" + std::to_string(bad.source().begin.line) + ": " +
             std::string(bad.description());
  }
  return "";
}

}  // namespace sdr::cat
