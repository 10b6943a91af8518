#include "tools/feed/datum.h"

#include <stdexcept>

#include "tools/lib/avro_names.h"
#include "tools/lib/schema_check.h"

namespace sdr {
namespace {

// The node at "a.b.c" below a record, or null.
SchemaNode* find(SchemaNode* node, const std::string& path) {
  size_t from = 0;
  while (true) {
    const size_t dot = path.find('.', from);
    const std::string name = path.substr(from, dot == path.npos ? dot : dot - from);
    if (node->type != AVRO_RECORD) return nullptr;
    SchemaNode* next = nullptr;
    for (SchemaNode& child : node->children) {
      if (child.name == name) next = &child;
    }
    if (!next || dot == path.npos) return next;
    node = next;
    from = dot + 1;
  }
}

}  // namespace

void expect(int libavro_result) {
  if (libavro_result != 0)
    throw std::runtime_error(std::string("internal error: libavro-c: ") + avro_strerror());
}

DatumSchema::DatumSchema(const std::string& text, const std::string& counter)
    : compiled_(compile_schema(text)), buffer_(kDatagramBytesMax) {
  avro_schema_t schema = nullptr;
  expect(avro_schema_from_json_length(text.data(), text.size(), &schema));
  schema_.reset(schema);
  const JsonPtr json = parse_schema_json(text);
  root_ = build(schema, json.get(), "", "");
  definitions_.clear();
  choose_counter(counter);
  interface_ = avro_generic_class_from_schema(schema);
  if (!interface_) throw std::runtime_error("internal error: libavro-c made no value class");
  expect(avro_generic_value_new(interface_, &value_));
}

DatumSchema::~DatumSchema() {
  if (value_.iface) avro_value_decref(&value_);
  if (interface_) avro_value_iface_decref(interface_);
}

// Walks libavro-c's tree and the JSON it was made from side by side, as the schema compiler does:
// only the JSON has the logical types. `logical_type` is one that stands beside the type.
SchemaNode DatumSchema::build(avro_schema_t schema, const json_t* json, const std::string& name,
                              const std::string& logical_type) {
  if (is_avro_link(schema)) {
    schema = avro_schema_link_target(schema);
    json = definitions_.at(schema);
  } else if (is_named(schema)) {
    definitions_[schema] = json;
  }
  SchemaNode node;
  node.type = avro_typeof(schema);
  node.name = name;
  node.type_name = is_named(schema) ? full_name(schema) : avro_schema_type_name(schema);
  const char* own = json_string_value(json_object_get(json, "logicalType"));
  node.logical_type = own ? own : logical_type;
  node.number = places_++;
  switch (node.type) {
    case AVRO_RECORD:
      build_fields(schema, json, &node);
      break;
    case AVRO_UNION:
      for (size_t i = 0; i < avro_schema_union_size(schema); ++i)
        node.children.push_back(build(avro_schema_union_branch(schema, static_cast<int>(i)),
                                      json_array_get(json, i), "", node.logical_type));
      break;
    case AVRO_ARRAY:
      node.children.push_back(
          build(avro_schema_array_items(schema), json_object_get(json, "items"), "", ""));
      break;
    case AVRO_MAP:
      node.children.push_back(
          build(avro_schema_map_values(schema), json_object_get(json, "values"), "", ""));
      break;
    case AVRO_ENUM:
      for (int i = 0; i < avro_schema_enum_number_of_symbols(schema); ++i)
        node.symbols.push_back(avro_schema_enum_get(schema, i));
      break;
    case AVRO_FIXED:
      node.fixed_size = static_cast<size_t>(avro_schema_fixed_size(schema));
      break;
    default:
      break;
  }
  return node;
}

void DatumSchema::build_fields(avro_schema_t schema, const json_t* json, SchemaNode* node) {
  const json_t* fields = json_object_get(json, "fields");
  for (size_t i = 0; i < avro_schema_record_size(schema); ++i) {
    const json_t* field = json_array_get(fields, i);
    const char* beside = json_string_value(json_object_get(field, "logicalType"));
    const int index = static_cast<int>(i);
    node->children.push_back(
        build(avro_schema_record_field_get_by_index(schema, index), json_object_get(field, "type"),
              avro_schema_record_field_name(schema, index), beside ? beside : ""));
  }
}

void DatumSchema::choose_counter(const std::string& counter) {
  if (!counter.empty()) {
    SchemaNode* node = find(&root_, counter);
    if (!node) throw SchemaError("counter \"" + counter + "\" is no field of the schema", 0, 0);
    if (node->type != AVRO_INT32 && node->type != AVRO_INT64 && node->type != AVRO_FLOAT &&
        node->type != AVRO_DOUBLE)
      throw SchemaError("counter \"" + counter + "\" is no number", 0, 0);
    node->is_counter = has_counter_ = true;
    return;
  }
  for (SchemaNode& node : root_.children) {
    if (root_.type != AVRO_RECORD || has_counter_ || !node.logical_type.empty()) continue;
    node.is_counter = has_counter_ = node.type == AVRO_INT32 || node.type == AVRO_INT64;
  }
}

avro_value_t* DatumSchema::fresh() {
  expect(avro_value_reset(&value_));
  return &value_;
}

bool DatumSchema::fits() {
  size_t size = 0;
  expect(avro_value_sizeof(&value_, &size));
  return size <= buffer_.size();
}

std::string DatumSchema::encode() {
  size_t size = 0;
  expect(avro_value_sizeof(&value_, &size));
  if (size > buffer_.size())
    throw std::runtime_error("a datum of " + std::to_string(size) +
                             " bytes exceeds a datagram, which carries 65507");
  avro_writer_t writer = avro_writer_memory(buffer_.data(), static_cast<int64_t>(buffer_.size()));
  const int result = avro_value_write(writer, &value_);
  avro_writer_free(writer);
  expect(result);
  return std::string(buffer_.data(), size);
}

}  // namespace sdr
