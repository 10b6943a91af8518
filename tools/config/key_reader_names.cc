// The readers of what names things on this machine: users, interfaces, paths.
#include "tools/config/key_reader.h"

namespace sdr {

bool KeyReader::table(std::string_view key, const ConfigValue& value, std::string_view example) {
  if (value.kind == ConfigValue::Kind::kTable) return true;
  wrong_type(key, value, "a table such as " + std::string(example));
  return false;
}

bool KeyReader::name(std::string_view key, const ConfigValue& value, std::string_view example,
                     size_t bytes_max, std::string* out) {
  std::string text;
  if (!string(key, value, example, bytes_max, &text)) return false;
  const bool bad_character = text.find_first_of(" /\\:\"'`$") != std::string::npos;
  if (bad_character || text[0] == '-' || text[0] == '.') {
    error(value, std::string(key) + ": " + quoted(text) + " cannot be a name; write it like " +
                     std::string(example));
    return false;
  }
  *out = text;
  return true;
}

bool KeyReader::absolute_path(std::string_view key, const ConfigValue& value, std::string* out) {
  std::string text;
  if (!string(key, value, "\"/srv/telemetry\"", kPathBytesMax, &text)) return false;
  if (text[0] != '/') {
    error(value, std::string(key) + ": " + quoted(text) +
                     " is not an absolute path; it must begin with a slash");
    return false;
  }
  std::string canonical;
  std::string_view rest = text;
  while (!rest.empty()) {
    const size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    rest.remove_prefix(slash == std::string_view::npos ? rest.size() : slash + 1);
    if (part == ".." || part == ".") {
      error(value, std::string(key) + ": " + quoted(text) + " has a part " + quoted(part) +
                       "; write the path without it");
      return false;
    }
    if (!part.empty()) canonical += "/" + std::string(part);
  }
  *out = canonical.empty() ? "/" : canonical;
  return true;
}

}  // namespace sdr
