#include "tools/lib/receive_time.h"

#include <jansson.h>

#include "tools/lib/schema.h"
#include "tools/lib/schema_check.h"

namespace sdr {
namespace {

// Steps through JSON that is known to be good.
class JsonWalk {
 public:
  explicit JsonWalk(std::string_view text) : text_(text) {}

  size_t at() const { return at_; }

  // Steps over `c` and the white space before it, if it comes next.
  bool take(char c) {
    at_ = text_.find_first_not_of(" \t\r\n", at_);
    if (text_[at_] != c) return false;
    ++at_;
    return true;
  }

  // Steps over a member's name and its colon, and returns the name as it is written, in quotes.
  std::string_view name() {
    at_ = text_.find('"', at_);
    const size_t from = at_;
    string();
    const std::string_view written = text_.substr(from, at_ - from);
    take(':');
    return written;
  }

  // Steps over a value and the white space before it, and over none behind it.
  void value() {
    at_ = text_.find_first_not_of(" \t\r\n", at_);
    size_t open = 0;
    do {
      const char c = text_[at_];
      if (c == '"') {
        string();
        continue;
      }
      if (c == '{' || c == '[') ++open;
      if (c == '}' || c == ']') --open;
      at_ = open > 0 || c == '}' || c == ']' ? at_ + 1 : text_.find_first_of(" \t\r\n,]}", at_);
    } while (open > 0);
  }

 private:
  void string() {
    for (++at_; text_[at_] != '"'; ++at_) at_ += text_[at_] == '\\';
    ++at_;
  }

  std::string_view text_;
  size_t at_ = 0;
};

// A letter of a name may be written as \u0066.
bool is_fields(std::string_view written) {
  const JsonPtr name(json_loadb(written.data(), written.size(), JSON_DECODE_ANY, nullptr));
  return name && std::string_view(json_string_value(name.get())) == "fields";
}

[[noreturn]] void refuse(const std::string& what) { throw SchemaError(what, 0, 0); }

void check_root(const json_t* root) {
  const char* type = json_string_value(json_object_get(root, "type"));
  if (!type || std::string_view(type) != "record")
    refuse("the schema is no record, and only a record takes one more field");
  const auto is_taken = [](const json_t* name) {
    return json_is_string(name) && std::string_view(json_string_value(name)) == "receive_time";
  };
  size_t index;
  const json_t* field;
  json_array_foreach(json_object_get(root, "fields"), index, field) {
    const char* name = json_string_value(json_object_get(field, "name"));
    if (is_taken(json_object_get(field, "name")))
      refuse("the schema has a field \"receive_time\" already");
    size_t i;
    const json_t* alias;
    json_array_foreach(json_object_get(field, "aliases"), i, alias) {
      if (is_taken(alias))
        refuse("\"receive_time\" is an alias of the field \"" + std::string(name) + "\"");
    }
  }
}

}  // namespace

std::string with_receive_time(std::string_view schema_text) {
  check_root(parse_schema_json(schema_text).get());
  JsonWalk walk(schema_text);
  walk.take('{');
  while (!is_fields(walk.name())) {
    walk.value();
    walk.take(',');
  }
  walk.take('[');
  size_t end = walk.at();
  bool empty = true;
  while (!walk.take(']')) {
    empty = false;
    walk.value();
    end = walk.at();
    walk.take(',');
  }
  const std::string field = (empty ? "" : ",") + std::string(kReceiveTimeField);
  return std::string(schema_text).insert(end, field);
}

}  // namespace sdr
