#include "tools/feed/json_datum.h"

#include <jansson.h>

#include <cmath>
#include <limits>
#include <stdexcept>

#include "tools/lib/schema_check.h"

namespace sdr {
namespace {

struct Misfit : std::runtime_error {
  Misfit(const std::string& path, const std::string& what)
      : std::runtime_error((path.empty() ? "the datum" : path) + ": " + what) {}
};

int64_t integer(const json_t* json, int64_t least, int64_t most, const std::string& path) {
  if (!json_is_integer(json)) throw Misfit(path, "expected a whole number");
  const int64_t value = json_integer_value(json);
  if (value < least || value > most) throw Misfit(path, "number out of range");
  return value;
}

double real(const json_t* json, const std::string& path) {
  if (json_is_number(json)) return json_number_value(json);
  const std::string text = json_is_string(json) ? json_string_value(json) : "";
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  throw Misfit(path, "expected a number");
}

std::string text_of(const json_t* json, const std::string& path) {
  if (!json_is_string(json)) throw Misfit(path, "expected a string");
  return {json_string_value(json), json_string_length(json)};
}

// Characters U+0000 to U+00FF of valid UTF-8 → one byte each.
std::string bytes_of(const json_t* json, const std::string& path) {
  std::string out;
  const std::string text = text_of(json, path);
  for (size_t i = 0; i < text.size(); ++i) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead < 0x80) {
      out += text[i];
    } else if (lead <= 0xc3 && i + 1 < text.size()) {
      out += static_cast<char>((lead << 6) | (static_cast<unsigned char>(text[++i]) & 0x3f));
    } else {
      throw Misfit(path, "bytes are written as characters up to U+00FF");
    }
  }
  return out;
}

void fill(const SchemaNode& node, const json_t* json, const std::string& path, avro_value_t* value);

void fill_record(const SchemaNode& node, const json_t* json, const std::string& path,
                 avro_value_t* value) {
  if (!json_is_object(json)) throw Misfit(path, "expected an object");
  if (json_object_size(json) > node.children.size()) {
    const char* key;
    json_t* unused;
    json_object_foreach(const_cast<json_t*>(json), key, unused) {
      bool known = false;
      for (const SchemaNode& field : node.children) known = known || field.name == key;
      if (!known) throw Misfit(path, std::string("no field is called \"") + key + "\"");
    }
  }
  for (size_t i = 0; i < node.children.size(); ++i) {
    const std::string& name = node.children[i].name;
    const std::string field = path.empty() ? name : path + "." + name;
    const json_t* item = json_object_get(json, name.c_str());
    if (!item) throw Misfit(field, "missing");
    avro_value_t child;
    expect(avro_value_get_by_index(value, i, &child, nullptr));
    fill(node.children[i], item, field, &child);
  }
}

void fill_union(const SchemaNode& node, const json_t* json, const std::string& path,
                avro_value_t* value) {
  avro_value_t child;
  if (json_is_object(json) && json_object_size(json) == 1) {
    const char* key = json_object_iter_key(json_object_iter(const_cast<json_t*>(json)));
    for (size_t i = 0; i < node.children.size(); ++i) {
      if (node.children[i].type_name != key) continue;
      expect(avro_value_set_branch(value, static_cast<int>(i), &child));
      fill(node.children[i], json_object_get(json, key), path, &child);
      return;
    }
  }
  for (size_t i = 0; i < node.children.size(); ++i) {
    try {
      expect(avro_value_set_branch(value, static_cast<int>(i), &child));
      expect(avro_value_reset(&child));
      fill(node.children[i], json, path, &child);
      return;
    } catch (const Misfit&) {
    }
  }
  throw Misfit(path, "fits no branch of the union");
}

void fill_items(const SchemaNode& node, const json_t* json, const std::string& path,
                avro_value_t* value) {
  avro_value_t child;
  if (node.type == AVRO_ARRAY) {
    if (!json_is_array(json)) throw Misfit(path, "expected an array");
    for (size_t i = 0; i < json_array_size(json); ++i) {
      expect(avro_value_append(value, &child, nullptr));
      fill(node.children[0], json_array_get(json, i), path + "[" + std::to_string(i) + "]", &child);
    }
    return;
  }
  if (!json_is_object(json)) throw Misfit(path, "expected an object");
  const char* key;
  json_t* item;
  json_object_foreach(const_cast<json_t*>(json), key, item) {
    expect(avro_value_add(value, key, &child, nullptr, nullptr));
    fill(node.children[0], item, path + "{" + key + "}", &child);
  }
}

void fill_enum(const SchemaNode& node, const json_t* json, const std::string& path,
               avro_value_t* value) {
  const std::string symbol = text_of(json, path);
  for (size_t i = 0; i < node.symbols.size(); ++i) {
    if (node.symbols[i] != symbol) continue;
    expect(avro_value_set_enum(value, static_cast<int>(i)));
    return;
  }
  throw Misfit(path, "\"" + symbol + "\" is no symbol of the enum");
}

void fill(const SchemaNode& node, const json_t* json, const std::string& path,
          avro_value_t* value) {
  std::string bytes;
  switch (node.type) {
    case AVRO_NULL:
      if (!json_is_null(json)) throw Misfit(path, "expected null");
      expect(avro_value_set_null(value));
      break;
    case AVRO_BOOLEAN:
      if (!json_is_boolean(json)) throw Misfit(path, "expected true or false");
      expect(avro_value_set_boolean(value, json_is_true(json)));
      break;
    case AVRO_INT32:
      expect(avro_value_set_int(value,
                                static_cast<int32_t>(integer(json, INT32_MIN, INT32_MAX, path))));
      break;
    case AVRO_INT64:
      expect(avro_value_set_long(value, integer(json, INT64_MIN, INT64_MAX, path)));
      break;
    case AVRO_FLOAT:
      expect(avro_value_set_float(value, static_cast<float>(real(json, path))));
      break;
    case AVRO_DOUBLE:
      expect(avro_value_set_double(value, real(json, path)));
      break;
    case AVRO_STRING:
      bytes = text_of(json, path);
      // libavro-c counts the NUL that ends a C string.
      expect(avro_value_set_string_len(value, bytes.c_str(), bytes.size() + 1));
      break;
    case AVRO_BYTES:
      bytes = bytes_of(json, path);
      expect(avro_value_set_bytes(value, bytes.data(), bytes.size()));
      break;
    case AVRO_FIXED:
      bytes = bytes_of(json, path);
      if (bytes.size() != node.fixed_size)
        throw Misfit(path, "expected " + std::to_string(node.fixed_size) + " bytes");
      expect(avro_value_set_fixed(value, bytes.data(), bytes.size()));
      break;
    case AVRO_ENUM:
      fill_enum(node, json, path, value);
      break;
    case AVRO_RECORD:
      fill_record(node, json, path, value);
      break;
    case AVRO_UNION:
      fill_union(node, json, path, value);
      break;
    default:
      fill_items(node, json, path, value);
      break;
  }
}

}  // namespace

void fill_from_json(const SchemaNode& root, const std::string& line, avro_value_t* value) {
  json_error_t error;
  const JsonPtr json(json_loadb(line.data(), line.size(),
                                JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error));
  if (!json)
    throw std::runtime_error("not JSON: column " + std::to_string(error.column) + ": " +
                             error.text);
  fill(root, json.get(), "", value);
}

}  // namespace sdr
