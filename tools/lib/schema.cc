#include "tools/lib/schema.h"

#include <avro.h>
#include <jansson.h>

#include <algorithm>
#include <limits>
#include <map>
#include <memory>

#include "relay/format/layout.h"
#include "relay/format/ocf.h"
#include "tools/lib/avro_names.h"
#include "tools/lib/number_types.h"
#include "tools/lib/schema_check.h"

namespace sdr {
namespace {

constexpr uint64_t kSizeMax = 1ull << 40;  // sums of minimum sizes stop here

struct SchemaRelease {
  void operator()(avro_schema_t schema) const { avro_schema_decref(schema); }
};
using SchemaPtr = std::unique_ptr<std::remove_pointer_t<avro_schema_t>, SchemaRelease>;

// Walks libavro-c's tree and the JSON it was made from side by side: the tree says what the bytes
// are, the JSON what libavro-c drops.
class Compiler {
 public:
  explicit Compiler(CompiledSchema* out) : out_(out) {}

  void run(avro_schema_t schema, const json_t* json) {
    out_->minimum_size = static_cast<size_t>(type(schema, json, "", true, 0));
    if (!is_number(schema)) return;
    out_->number_count = 1;
    out_->root_is_time = is_time(logical_type_of(json));
  }

 private:
  // Appends the layout of `schema` and returns its smallest size. `path` is the way from the root;
  // `listed` tells whether it passes through records only.
  uint64_t type(avro_schema_t schema, const json_t* json, const std::string& path, bool listed,
                int depth) {
    if (is_avro_link(schema)) {
      schema = avro_schema_link_target(schema);
      if (std::find(open_.begin(), open_.end(), schema) != open_.end())
        throw SchemaError("schema is recursive: type " + full_name(schema) +
                              " refers to itself; a datum of unbounded depth cannot be laid out",
                          0, 0);
      json = definitions_.at(schema);
    } else if (is_named(schema)) {
      definitions_[schema] = json;
    }
    if (depth > kLayoutDepthMax)
      throw SchemaError("schema is nested more than " + std::to_string(kLayoutDepthMax) +
                            " deep at " + (path.empty() ? "its root" : path),
                        0, 0);
    // References are expanded in place, so a small text can stand for a huge layout.
    if (++type_count_ > kSchemaTypesMax)
      throw SchemaError("schema is too large: more than " + std::to_string(kSchemaTypesMax) +
                            " types when its references are expanded",
                        0, 0);
    switch (avro_typeof(schema)) {
      case AVRO_NULL:
        return letter('n', 0);
      case AVRO_BOOLEAN:
        return letter('b', 1);
      case AVRO_INT32:
        return letter('i', 1);
      case AVRO_INT64:
        return letter('l', 1);
      case AVRO_FLOAT:
        return letter('f', 4);
      case AVRO_DOUBLE:
        return letter('d', 8);
      case AVRO_STRING:
        return letter('s', 1);
      case AVRO_BYTES:
        return letter('y', 1);
      case AVRO_FIXED: {
        const int64_t size = avro_schema_fixed_size(schema);
        out_->layout += "x" + std::to_string(size);
        return static_cast<uint64_t>(size);
      }
      case AVRO_ENUM:
        out_->layout += "e" + std::to_string(avro_schema_enum_number_of_symbols(schema));
        return 1;
      case AVRO_ARRAY:
        return body('[', avro_schema_array_items(schema), json_object_get(json, "items"), ']',
                    path + "[]", depth);
      case AVRO_MAP:
        return body('{', avro_schema_map_values(schema), json_object_get(json, "values"), '}',
                    path + "{}", depth);
      case AVRO_RECORD:
        return record(schema, json, path, listed, depth);
      case AVRO_UNION:
        return alternatives(schema, json, path, depth);
      default:
        throw SchemaError("not an Avro schema: unknown type", 0, 0);
    }
  }

  uint64_t letter(char code, uint64_t size) {
    out_->layout += code;
    return size;
  }

  uint64_t body(char open, avro_schema_t item, const json_t* json, char close,
                const std::string& path, int depth) {
    out_->layout += open;
    type(item, json, path, false, depth + 1);
    out_->layout += close;
    return 1;
  }

  uint64_t record(avro_schema_t schema, const json_t* json, const std::string& path, bool listed,
                  int depth) {
    const json_t* fields = json_object_get(json, "fields");
    uint64_t size = 0;
    open_.push_back(schema);
    out_->layout += '(';
    for (int i = 0; i < static_cast<int>(avro_schema_record_size(schema)); ++i) {
      const json_t* field = json_array_get(fields, static_cast<size_t>(i));
      const json_t* field_json = json_object_get(field, "type");
      avro_schema_t field_schema = avro_schema_record_field_get_by_index(schema, i);
      const char* name = avro_schema_record_field_name(schema, i);
      const std::string field_path = path.empty() ? name : path + "." + name;
      if (listed) list(field, field_schema, field_path);
      size =
          std::min(kSizeMax, size + type(field_schema, field_json, field_path, listed, depth + 1));
      if (listed && is_number(field_schema)) end_number(&out_->fields.back());
    }
    out_->layout += ')';
    open_.pop_back();
    return size;
  }

  void list(const json_t* field, avro_schema_t schema, const std::string& path) {
    const json_t* json = json_object_get(field, "type");
    avro_schema_t target = is_avro_link(schema) ? avro_schema_link_target(schema) : schema;
    SchemaField out;
    out.path = path;
    out.type = type_name(target);
    out.logical_type = logical_type_of_field(field, schema, json);
    out.nullable_number = !is_time(out.logical_type) && is_nullable_number(schema, json);
    out_->fields.push_back(std::move(out));
  }

  // Its letter is the last of the layout.
  void end_number(SchemaField* field) {
    field->ordinal = static_cast<uint32_t>(out_->number_count++);
    field->held = is_time(field->logical_type);
    field->layout_end = out_->layout.size();
    if (field->held) out_->layout += '!';
  }

  // The type's own logical type counts; one that stands beside `type` in the field is what many
  // schemas have instead.
  std::string logical_type_of_field(const json_t* field, avro_schema_t schema,
                                    const json_t* type_json) {
    if (is_avro_link(schema)) type_json = definitions_.at(avro_schema_link_target(schema));
    std::string logical_type = logical_type_of(type_json);
    return logical_type.empty() ? logical_type_of(field) : logical_type;
  }

  uint64_t alternatives(avro_schema_t schema, const json_t* json, const std::string& path,
                        int depth) {
    uint64_t least = kSizeMax;
    for (int i = 0; i < static_cast<int>(avro_schema_union_size(schema)); ++i) {
      out_->layout += i == 0 ? '<' : '|';
      least = std::min(least,
                       type(avro_schema_union_branch(schema, i),
                            json_array_get(json, static_cast<size_t>(i)), path, false, depth + 1));
    }
    out_->layout += '>';
    return least + 1;
  }

  CompiledSchema* out_;
  std::map<avro_schema_t, const json_t*> definitions_;
  std::vector<avro_schema_t> open_;  // the records we are in, outermost first
  size_t type_count_ = 0;
};

// The relay's own parser has the last word.
size_t parsed_fixed_size(const std::string& text) {
  const std::unique_ptr<Layout> layout = std::make_unique<Layout>();
  size_t column = 0;
  if (Status parsed = layout->parse(text, &column); !parsed)
    throw SchemaError(std::string("schema cannot be laid out: ") + parsed.error().what, 0, 0);
  return layout->fixed_size();
}

}  // namespace

CompiledSchema compile_schema(std::string_view text) {
  const JsonPtr json = parse_schema_json(text);
  avro_schema_t parsed = nullptr;
  if (avro_schema_from_json_length(text.data(), text.size(), &parsed) != 0)
    throw SchemaError(std::string("not an Avro schema: ") + avro_strerror(), 0, 0);
  const SchemaPtr schema(parsed);

  CompiledSchema out;
  out.text = text;
  if (is_named(parsed)) out.name = full_name(parsed);
  Compiler(&out).run(parsed, json.get());
  if (out.minimum_size == 0)
    throw SchemaError("a datum of this schema has zero bytes; no datagram can carry it", 0, 0);
  if (out.minimum_size > kDatagramBytesMax)
    throw SchemaError("the smallest datum of this schema has " + std::to_string(out.minimum_size) +
                          " bytes; a datagram carries at most " + std::to_string(kDatagramBytesMax),
                      0, 0);
  out.fixed_size = parsed_fixed_size(out.layout);
  return out;
}

const SchemaField* find_field(const CompiledSchema& schema, std::string_view path) {
  for (const SchemaField& field : schema.fields) {
    if (field.path == path) return &field;
  }
  return nullptr;
}

std::string layout_holding(const CompiledSchema& schema, const SchemaField& number) {
  std::string out = schema.layout;
  if (!number.held) out.insert(number.layout_end, "!");
  return out;
}

std::string channel_header(std::string_view schema_text, std::string_view channel) {
  const MetadataPair pairs[] = {
      {"avro.schema", schema_text}, {"avro.codec", "null"}, {"sdr.channel", channel}};
  const uint8_t sync[kSyncBytes] = {};
  std::vector<uint8_t> header(schema_text.size() + channel.size() + 256);
  const size_t size = put_ocf_header(OcfHeader(), pairs, sync, header);
  return std::string(header.begin(), header.begin() + static_cast<std::ptrdiff_t>(size));
}

}  // namespace sdr
