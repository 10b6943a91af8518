#include "tools/feed/datum.h"

#include <stdexcept>

#include "tools/lib/avro_names.h"

namespace sdr {
namespace {

constexpr size_t kDatagramBytesMax = 65507;  // UDP over IPv4

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
  expect(avro_schema_from_json_length(text.data(), text.size(), &schema_));
  root_ = build(schema_, "", "", true);
  choose_counter(counter);
  interface_ = avro_generic_class_from_schema(schema_);
  if (!interface_) throw std::runtime_error("internal error: libavro-c made no value class");
  expect(avro_generic_value_new(interface_, &value_));
}

DatumSchema::~DatumSchema() {
  if (value_.iface) avro_value_decref(&value_);
  if (interface_) avro_value_iface_decref(interface_);
  if (schema_) avro_schema_decref(schema_);
}

SchemaNode DatumSchema::build(avro_schema_t schema, const std::string& name,
                              const std::string& path, bool listed) {
  if (is_avro_link(schema)) schema = avro_schema_link_target(schema);
  SchemaNode node;
  node.type = avro_typeof(schema);
  node.name = name;
  node.type_name = is_named(schema) ? full_name(schema) : avro_schema_type_name(schema);
  node.number = places_++;
  if (listed) {
    for (const SchemaField& field : compiled_.fields) {
      if (field.path == path) node.logical_type = field.logical_type;
    }
  }
  switch (node.type) {
    case AVRO_RECORD:
      for (int i = 0; i < static_cast<int>(avro_schema_record_size(schema)); ++i) {
        const std::string field = avro_schema_record_field_name(schema, i);
        node.children.push_back(build(avro_schema_record_field_get_by_index(schema, i), field,
                                      path.empty() ? field : path + "." + field, listed));
      }
      break;
    case AVRO_UNION:
      for (int i = 0; i < static_cast<int>(avro_schema_union_size(schema)); ++i)
        node.children.push_back(build(avro_schema_union_branch(schema, i), "", "", false));
      break;
    case AVRO_ARRAY:
      node.children.push_back(build(avro_schema_array_items(schema), "", "", false));
      break;
    case AVRO_MAP:
      node.children.push_back(build(avro_schema_map_values(schema), "", "", false));
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
