#include "tools/lib/schema_check.h"

#include <set>
#include <string>

#include "tools/lib/schema.h"

namespace sdr {
namespace {

constexpr int kJsonDepthMax = 200;  // a layout is refused long before; this bounds the walk

bool is_primitive(const std::string& name) {
  for (const char* each :
       {"null", "boolean", "int", "long", "float", "double", "string", "bytes"}) {
    if (name == each) return true;
  }
  return false;
}

// [A-Za-z_][A-Za-z0-9_]*, and with `dots` several of them with a dot between.
bool is_name(const std::string& name, bool dots) {
  bool begins = true;
  for (const char c : name) {
    const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
    const bool digit = c >= '0' && c <= '9';
    if (dots && c == '.' && !begins) {
      begins = true;
    } else if (letter || (digit && !begins)) {
      begins = false;
    } else {
      return false;
    }
  }
  return !begins;
}

// libavro-c takes some schemas that the specification forbids and other readers refuse; what is
// recorded under such a schema could not be read back by them.
class Checker {
 public:
  void type(const json_t* json, const std::string& space, const std::string& path, int depth) {
    if (depth > kJsonDepthMax) wrong(path, "nested too deeply");
    if (json_is_string(json)) return;  // libavro-c knows whether there is such a type
    if (json_is_array(json)) {
      alternatives(json, space, path, depth);
      return;
    }
    if (!json_is_object(json)) wrong(path, "a type is a name, an object or an array");
    const std::string kind = text(json, "type", path);
    if (kind == "record") {
      record(json, space, path, depth);
    } else if (kind == "enum") {
      define(json, space, path);
      symbols(json, path);
    } else if (kind == "fixed") {
      define(json, space, path);
      const json_t* size = json_object_get(json, "size");
      if (!json_is_integer(size) || json_integer_value(size) < 1)
        wrong(path, "the size of a fixed is a whole number from 1");
    } else if (kind == "array") {
      type(json_object_get(json, "items"), space, path + "[]", depth + 1);
    } else if (kind == "map") {
      type(json_object_get(json, "values"), space, path + "{}", depth + 1);
    }
  }

 private:
  [[noreturn]] static void wrong(const std::string& path, const std::string& what) {
    throw SchemaError("not an Avro schema: " + (path.empty() ? "" : path + ": ") + what, 0, 0);
  }

  static std::string text(const json_t* json, const char* key, const std::string& path) {
    const json_t* value = json_object_get(json, key);
    if (!json_is_string(value)) wrong(path, std::string("\"") + key + "\" must be a string");
    return json_string_value(value);
  }

  // Checks and notes the name of a record, enum or fixed; returns the namespace inside it.
  std::string define(const json_t* json, const std::string& space, const std::string& path) {
    std::string name = text(json, "name", path);
    if (!is_name(name, true))
      wrong(path, "\"" + name + "\" is no name; write [A-Za-z_][A-Za-z0-9_]*");
    std::string inside = space;
    const size_t dot = name.rfind('.');
    if (dot != name.npos) {
      inside = name.substr(0, dot);
    } else if (json_object_get(json, "namespace")) {
      inside = text(json, "namespace", path);
      if (!inside.empty() && !is_name(inside, true))
        wrong(path, "\"" + inside + "\" is no namespace");
    }
    if (dot == name.npos && !inside.empty()) name = inside + "." + name;
    if (is_primitive(name)) wrong(path, "\"" + name + "\" is the name of a primitive type");
    if (!defined_.insert(name).second) wrong(path, "type " + name + " is defined twice");
    return inside;
  }

  void record(const json_t* json, const std::string& space, const std::string& path, int depth) {
    const std::string inside = define(json, space, path);
    const json_t* fields = json_object_get(json, "fields");
    if (!json_is_array(fields)) wrong(path, "a record's \"fields\" must be an array");
    std::set<std::string> names;
    size_t index;
    const json_t* field;
    json_array_foreach(fields, index, field) {
      if (!json_is_object(field)) wrong(path, "a field must be an object");
      const std::string name = text(field, "name", path);
      const std::string field_path = path.empty() ? name : path + "." + name;
      if (!is_name(name, false))
        wrong(path, "\"" + name + "\" is no field name; write [A-Za-z_][A-Za-z0-9_]*");
      if (!names.insert(name).second) wrong(field_path, "there is another field of that name");
      if (!json_object_get(field, "type")) wrong(field_path, "\"type\" is missing");
      type(json_object_get(field, "type"), inside, field_path, depth + 1);
    }
  }

  static void symbols(const json_t* json, const std::string& path) {
    const json_t* list = json_object_get(json, "symbols");
    if (!json_is_array(list) || json_array_size(list) == 0)
      wrong(path, "an enum's \"symbols\" must be an array of at least one name");
    std::set<std::string> seen;
    size_t index;
    const json_t* symbol;
    json_array_foreach(list, index, symbol) {
      const std::string name = json_is_string(symbol) ? json_string_value(symbol) : "";
      if (!is_name(name, false)) wrong(path, "\"" + name + "\" is no symbol of an enum");
      if (!seen.insert(name).second) wrong(path, "symbol " + name + " stands twice");
    }
  }

  // Avro 1.11, "Unions": no union directly in a union, and no two branches of one type but
  // differently named ones.
  void alternatives(const json_t* json, const std::string& space, const std::string& path,
                    int depth) {
    if (json_array_size(json) == 0) wrong(path, "a union needs at least one branch");
    std::set<std::string> seen;
    size_t index;
    const json_t* branch;
    json_array_foreach(json, index, branch) {
      if (json_is_array(branch)) wrong(path, "a union must not stand directly in a union");
      type(branch, space, path, depth + 1);
      const std::string kind = branch_kind(branch, space, path);
      if (!seen.insert(kind).second) wrong(path, "a union has two branches of type " + kind);
    }
  }

  static std::string branch_kind(const json_t* branch, const std::string& space,
                                 const std::string& path) {
    std::string name = json_is_string(branch) ? json_string_value(branch) : "";
    if (json_is_object(branch)) {
      name = text(branch, "type", path);
      if (name == "record" || name == "enum" || name == "fixed") {
        name = text(branch, "name", path);
        const json_t* own = json_object_get(branch, "namespace");
        if (json_is_string(own) && name.find('.') == name.npos)
          return std::string(json_string_value(own)) + "." + name;
      }
    }
    const bool plain = is_primitive(name) || name == "array" || name == "map";
    return plain || space.empty() || name.find('.') != name.npos ? name : space + "." + name;
  }

  std::set<std::string> defined_;
};

}  // namespace

JsonPtr parse_schema_json(std::string_view text) {
  json_error_t error;
  JsonPtr json(
      json_loadb(text.data(), text.size(), JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error));
  if (!json)
    throw SchemaError(std::string("not JSON: ") + error.text, static_cast<size_t>(error.line),
                      static_cast<size_t>(error.column));
  Checker().type(json.get(), "", "", 0);
  return json;
}

}  // namespace sdr
