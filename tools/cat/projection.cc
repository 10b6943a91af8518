#include "tools/cat/projection.h"

#include <set>

#include "tools/cat/schema_parts.h"

namespace sdr::cat {
namespace {

// "pose.x" → "pose_x".
std::string field_name(const std::string& text) {
  std::string name;
  for (const char c : text) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (good) {
      name += c;
    } else if (!name.empty() && name.back() != '_') {
      name += '_';
    }
  }
  while (name.ends_with('_')) name.pop_back();
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) name.insert(0, 1, '_');
  return name;
}

}  // namespace

MayLack may_lack_of(const Shape& shape, const Column& column) {
  if (column.path.is_always_there()) return {};
  const Shape::Node& node = shape.node(column.path.node());
  if (node.type == AVRO_NULL) return {.null_branch = 0};
  if (node.type != AVRO_UNION) return {.is_wrapped = true};
  for (size_t i = 0; i < node.children.size(); ++i) {
    if (shape.node(node.children[i]).type == AVRO_NULL)
      return {.null_branch = static_cast<int64_t>(i)};
  }
  return {.is_shifted = true};
}

bool project_schema(std::string_view schema_text, const Shape& shape,
                    const std::vector<Column>& columns, std::string* schema, std::string* why) {
  SchemaParts parts;
  if (!parts.open(schema_text)) {
    *why = "the schema is no JSON";
    return false;
  }
  Json fields(json_array());
  std::set<std::string> names;
  for (const Column& column : columns) {
    const std::string name = field_name(column.name);
    if (!names.insert(name).second) {
      *why = "two of the fields would be named " + name;
      return false;
    }
    Json type;
    if (column.kind == Column::Kind::kTime) {
      type.reset(
          json_pack("[s,{s:s,s:s}]", "null", "type", "long", "logicalType", "timestamp-micros"));
    } else {
      type = parts.type_of(column.path);
      const MayLack may_lack = may_lack_of(shape, column);
      if (may_lack.is_wrapped) type.reset(json_pack("[s,o]", "null", type.release()));
      if (may_lack.is_shifted) json_array_insert_new(type.get(), 0, json_string("null"));
    }
    json_t* const field = json_pack("{s:s,s:o}", "name", name.c_str(), "type", type.release());
    if (column.kind == Column::Kind::kField) parts.copy_logical_type(column.path, field);
    json_array_append_new(fields.get(), field);
  }
  std::string record_name = "Fields";
  while (parts.has_type(record_name)) record_name += '_';
  const Json record(json_pack("{s:s,s:s,s:O}", "type", "record", "name", record_name.c_str(),
                              "fields", fields.get()));
  char* const text = json_dumps(record.get(), JSON_COMPACT);
  *schema = text;
  free(text);
  return true;
}

}  // namespace sdr::cat
