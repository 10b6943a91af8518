#include "tools/cat/projection.h"

#include <jansson.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

namespace sdr::cat {
namespace {

struct Release {
  void operator()(json_t* json) const { json_decref(json); }
};
using Json = std::unique_ptr<json_t, Release>;

std::string_view text_of(const json_t* json) {
  const char* const text = json_string_value(json);
  return text ? std::string_view(text, json_string_length(json)) : std::string_view();
}

// A name as the Avro specification resolves it.
std::string full_name(std::string_view name, std::string_view space) {
  if (name.find('.') != std::string_view::npos || space.empty()) return std::string(name);
  return std::string(space) + "." + std::string(name);
}

struct Named {
  const json_t* definition;
  std::string space;  // the namespace around it
};

class Projector {
 public:
  explicit Projector(const json_t* root) {
    collect(root, "");
    root_ = root;
  }

  // The type that the path's last step leads to, with its definitions in place.
  Json type_of(const FieldPath& path) {
    const json_t* type = root_;
    std::string space;
    for (const FieldStep& step : path.steps) {
      resolve(&type, &space);
      if (json_is_array(type)) {
        type = json_array_get(type, step.branch);
        resolve(&type, &space);
      }
      enter(type, &space);
      switch (step.kind) {
        case FieldStep::Kind::kField:
          type =
              json_object_get(json_array_get(json_object_get(type, "fields"), step.index), "type");
          break;
        case FieldStep::Kind::kItem:
          type = json_object_get(type, "items");
          break;
        case FieldStep::Kind::kKey:
          type = json_object_get(type, "values");
          break;
      }
    }
    return written(type, space);
  }

 private:
  static bool is_named_kind(std::string_view kind) {
    return kind == "record" || kind == "error" || kind == "enum" || kind == "fixed";
  }

  // What it is, where it only says so: {"type": {"type": …}}, or a name.
  void resolve(const json_t** type, std::string* space) const {
    for (int i = 0; i < 64; ++i) {
      if (json_is_object(*type)) {
        const json_t* const inner = json_object_get(*type, "type");
        const bool is_wrapper = json_is_object(inner) || json_is_array(inner);
        const bool is_reference = json_is_string(inner) && find(text_of(inner), *space);
        if (!is_wrapper && !is_reference) return;
        *type = inner;
        continue;
      }
      if (!json_is_string(*type)) return;
      const Named* const named = find(text_of(*type), *space);
      if (!named) return;
      *type = named->definition;
      *space = named->space;
    }
  }

  const Named* find(std::string_view name, std::string_view space) const {
    const auto found = named_.find(full_name(name, space));
    if (found != named_.end()) return &found->second;
    const auto bare = named_.find(std::string(name));
    return bare == named_.end() ? nullptr : &bare->second;
  }

  // The namespace of what is within a definition.
  static void enter(const json_t* type, std::string* space) {
    const std::string_view name = text_of(json_object_get(type, "name"));
    const size_t dot = name.rfind('.');
    if (dot != std::string_view::npos) {
      *space = name.substr(0, dot);
    } else if (const json_t* const own = json_object_get(type, "namespace")) {
      *space = text_of(own);
    }
  }

  void collect(const json_t* type, const std::string& space) {
    size_t at;
    json_t* item;
    if (json_is_array(type)) {
      json_array_foreach(type, at, item) collect(item, space);
    }
    if (!json_is_object(type)) return;
    std::string inside = space;
    const json_t* const kind = json_object_get(type, "type");
    if (is_named_kind(text_of(kind))) {
      enter(type, &inside);
      const std::string_view name = text_of(json_object_get(type, "name"));
      named_[full_name(name, inside)] = {type, space};
    } else if (!json_is_string(kind)) {
      collect(kind, space);
    }
    json_array_foreach(json_object_get(type, "fields"), at, item)
        collect(json_object_get(item, "type"), inside);
    collect(json_object_get(type, "items"), inside);
    collect(json_object_get(type, "values"), inside);
  }

  // A copy that stands by itself: names are whole, and defined where they first stand.
  Json written(const json_t* type, const std::string& space) {
    if (json_is_string(type)) {
      const Named* const named = find(text_of(type), space);
      return named ? written(named->definition, named->space) : Json(json_copy_of(type));
    }
    if (json_is_array(type)) {
      Json branches(json_array());
      size_t at;
      json_t* item;
      json_array_foreach(type, at, item)
          json_array_append_new(branches.get(), written(item, space).release());
      return branches;
    }
    const json_t* const kind = json_object_get(type, "type");
    std::string inside = space;
    if (!is_named_kind(text_of(kind))) {
      Json copy(json_copy_of(type));
      for (const char* key : {"type", "items", "values"}) {
        if (const json_t* const part = json_object_get(type, key))
          json_object_set_new(copy.get(), key, written(part, space).release());
      }
      return copy;
    }
    enter(type, &inside);
    const std::string name = full_name(text_of(json_object_get(type, "name")), inside);
    if (!defined_.insert(name).second) return Json(json_string(name.c_str()));
    Json copy(json_copy_of(type));
    json_object_set_new(copy.get(), "name", json_string(name.c_str()));
    json_object_del(copy.get(), "namespace");
    const json_t* const fields = json_object_get(type, "fields");
    if (!json_is_array(fields)) return copy;
    Json own(json_array());
    size_t at;
    json_t* field;
    json_array_foreach(fields, at, field) {
      json_t* const part = json_copy_of(field);
      json_object_set_new(part, "type", written(json_object_get(field, "type"), inside).release());
      json_array_append_new(own.get(), part);
    }
    json_object_set(copy.get(), "fields", own.get());
    return copy;
  }

  static json_t* json_copy_of(const json_t* json) { return json_copy(const_cast<json_t*>(json)); }

  const json_t* root_;
  std::map<std::string, Named> named_;
  std::set<std::string> defined_;
};

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
  const Json root(json_loadb(schema_text.data(), schema_text.size(), JSON_DECODE_ANY, nullptr));
  if (!root) {
    *why = "the schema is no JSON";
    return false;
  }
  Projector projector(root.get());
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
      type = projector.type_of(column.path);
      const MayLack may_lack = may_lack_of(shape, column);
      if (may_lack.is_wrapped) type.reset(json_pack("[s,o]", "null", type.release()));
      if (may_lack.is_shifted) json_array_insert_new(type.get(), 0, json_string("null"));
    }
    json_array_append_new(fields.get(),
                          json_pack("{s:s,s:o}", "name", name.c_str(), "type", type.release()));
  }
  const Json record(
      json_pack("{s:s,s:s,s:O}", "type", "record", "name", "Fields", "fields", fields.get()));
  char* const text = json_dumps(record.get(), JSON_COMPACT);
  *schema = text;
  free(text);
  return true;
}

}  // namespace sdr::cat
