#include "tools/config/schema_files.h"

#include <exception>

#include "tools/config/check_rules.h"
#include "tools/config/text_file.h"

namespace sdr {
namespace {

constexpr size_t kSchemaBytesMax = 1 << 20;
constexpr size_t kPathShownMax = 1024;

}  // namespace

bool resolve_below(const std::string& dir, std::string_view path, std::string* out) {
  std::vector<std::string_view> parts;
  const bool absolute = path.starts_with('/');
  std::string_view rest = path;
  while (!rest.empty()) {
    const size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    rest.remove_prefix(slash == std::string_view::npos ? rest.size() : slash + 1);
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (parts.empty() || absolute) {
      return false;
    } else {
      parts.pop_back();
    }
  }
  *out = absolute || dir.empty() ? "" : dir;
  for (const std::string_view part : parts) {
    if (absolute || !(out->empty() || out->back() == '/')) *out += '/';
    *out += part;
  }
  return !parts.empty();
}

const SchemaFiles::Entry& SchemaFiles::load(const std::string& path) {
  const auto [it, is_new] = entries_.try_emplace(path);
  Entry& entry = it->second;
  if (!is_new) return entry;
  entry.place = {path, 0, 0};
  std::string text;
  std::string error;
  if (!read_text_file(path, kSchemaBytesMax, false, &text, &error)) {
    entry.message = "unable to read schema " + quoted(path, kPathShownMax) + ": " + error;
    return entry;
  }
  findings_->add_source(path, text);
  try {
    entry.schema = compile_schema(text);
  } catch (const SchemaError& e) {
    entry.place.line = e.line;
    entry.place.column = e.column;
    entry.message =
        e.line != 0 ? e.what() : "schema " + quoted(path, kPathShownMax) + ": " + e.what();
    return entry;
  } catch (const std::exception& e) {
    entry.message = "schema " + quoted(path, kPathShownMax) + ": " + e.what();
    return entry;
  }
  return entry;
}

void SchemaFiles::compile(Channel* channel) {
  if (channel->schema_path.empty()) return;
  const Place place = place_of(*channel, "schema");
  std::string path;
  if (!resolve_below(dir_, channel->schema_path, &path)) {
    findings_->error(
        place, "schema: " + quoted(channel->schema_path) +
                   (channel->schema_path[0] == '/'
                        ? " has a part '..'; write the path without it"
                        : " climbs out of " + quoted(dir_.empty() ? "." : dir_, kPathShownMax) +
                              ", where schemas are looked for, also those of "
                              "channels.d; put the schema there or write an "
                              "absolute path"));
    return;
  }
  channel->schema_path = path;
  const Entry& entry = load(path);
  if (entry.schema) {
    channel->schema = *entry.schema;
  } else {
    findings_->error(entry.place.line != 0 ? entry.place : place, entry.message);
  }
}

}  // namespace sdr
