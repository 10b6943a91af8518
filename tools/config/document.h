// A TOML file as a plain tree in which every key and value knows its line and column.
//
// toml++ parses; nothing else of the project sees it. The depth of a tree is bounded, whatever the
// file says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sdr {

class Findings;
struct ConfigMember;

struct ConfigValue {
  enum class Kind : uint8_t { kString, kInteger, kFloat, kBoolean, kTime, kArray, kTable };
  Kind kind = Kind::kTable;
  size_t line = 0;
  size_t column = 0;
  std::string text;                   // kString
  int64_t integer = 0;                // kInteger
  bool boolean = false;               // kBoolean
  std::vector<ConfigValue> items;     // kArray
  std::vector<ConfigMember> members;  // kTable, by key
};

struct ConfigMember {
  std::string key;
  size_t line = 0;
  size_t column = 0;
  ConfigValue value;
};

// "a string", "an integer" …
std::string_view kind_name(ConfigValue::Kind kind);

// Parses the text of `file`. Where it is not TOML, reports that as one error with its place and
// returns false.
bool parse_document(std::string_view text, const std::string& file, ConfigValue* root,
                    Findings* findings);

}  // namespace sdr
