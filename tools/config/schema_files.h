// The schema files that channels name: found, read and compiled, each once.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tools/config/config.h"
#include "tools/config/diagnostic.h"

namespace sdr {

class SchemaFiles {
 public:
  // Relative paths start at `dir`, the directory of relay.toml, and never leave it.
  SchemaFiles(std::string dir, Findings* findings) : dir_(std::move(dir)), findings_(findings) {}

  // Compiles channel->schema_path into channel->schema and makes the path the resolved one. Errors
  // go to the place in the schema where it is known, else to the channel's `schema` key.
  void compile(Channel* channel);

 private:
  struct Entry {
    std::optional<CompiledSchema> schema;
    Place place;          // of the error in the schema file, line 0 where not known
    std::string message;  // the error
  };
  const Entry& load(const std::string& path);

  std::string dir_;
  Findings* findings_;
  std::map<std::string, Entry> entries_;
};

// `path` below `dir` ("" is the current one) without "." and ".." parts; false where it climbs out.
bool resolve_below(const std::string& dir, std::string_view path, std::string* out);

}  // namespace sdr
