#include "tools/cat/schema_parts.h"

namespace sdr::cat {
namespace {

constexpr int kResolvesMax = 64;  // names of names

std::string_view text_of(const json_t* json) {
  const char* const text = json_string_value(json);
  return text ? std::string_view(text, json_string_length(json)) : std::string_view();
}

// A name as the Avro specification resolves it.
std::string full_name(std::string_view name, std::string_view space) {
  if (name.find('.') != std::string_view::npos || space.empty()) return std::string(name);
  return std::string(space) + "." + std::string(name);
}

bool is_named_kind(std::string_view kind) {
  return kind == "record" || kind == "error" || kind == "enum" || kind == "fixed";
}

json_t* copy_of(const json_t* json) { return json_copy(const_cast<json_t*>(json)); }

// The namespace of what is within a definition.
void enter(const json_t* type, std::string* space) {
  const std::string_view name = text_of(json_object_get(type, "name"));
  const size_t dot = name.rfind('.');
  if (dot != std::string_view::npos) {
    *space = name.substr(0, dot);
  } else if (const json_t* const own = json_object_get(type, "namespace")) {
    *space = text_of(own);
  }
}

}  // namespace

bool SchemaParts::open(std::string_view schema_text) {
  root_.reset(json_loadb(schema_text.data(), schema_text.size(), JSON_DECODE_ANY, nullptr));
  if (root_) collect(root_.get(), "");
  return root_ != nullptr;
}

Json SchemaParts::type_of(const FieldPath& path) {
  const Place place = find_place(path);
  return written(place.type, place.space);
}

void SchemaParts::copy_logical_type(const FieldPath& path, json_t* field) const {
  const json_t* const own = find_place(path).field;
  for (const char* key : {"logicalType", "precision", "scale"}) {
    if (json_t* const said = json_object_get(own, key)) json_object_set(field, key, said);
  }
}

std::string SchemaParts::logical_type_of(const FieldPath& path) const {
  const Place place = find_place(path);
  std::string found;
  size_t count = 0;
  const auto note = [&](const json_t* type) {
    std::string space = place.space;
    resolve(&type, &space);
    if (text_of(type) == "null" || text_of(json_object_get(type, "type")) == "null") return;
    ++count;
    found = text_of(json_object_get(type, "logicalType"));
  };
  const json_t* type = place.type;
  std::string space = place.space;
  resolve(&type, &space);
  if (json_is_array(type)) {
    size_t at;
    json_t* branch;
    json_array_foreach(type, at, branch) note(branch);
  } else {
    note(type);
  }
  if (count != 1) return "";
  return found.empty() ? std::string(text_of(json_object_get(place.field, "logicalType"))) : found;
}

SchemaParts::Place SchemaParts::find_place(const FieldPath& path) const {
  Place place = {root_.get(), ""};
  for (const FieldStep& step : path.steps) {
    resolve(&place.type, &place.space);
    if (json_is_array(place.type)) {
      place.type = json_array_get(place.type, step.branch);
      resolve(&place.type, &place.space);
    }
    enter(place.type, &place.space);
    place.field = nullptr;
    switch (step.kind) {
      case FieldStep::Kind::kField:
        place.field = json_array_get(json_object_get(place.type, "fields"), step.index);
        place.type = json_object_get(place.field, "type");
        break;
      case FieldStep::Kind::kItem:
        place.type = json_object_get(place.type, "items");
        break;
      case FieldStep::Kind::kKey:
        place.type = json_object_get(place.type, "values");
        break;
    }
  }
  return place;
}

// What it is, where it only says so: {"type": {"type": …}}, or a name.
void SchemaParts::resolve(const json_t** type, std::string* space) const {
  for (int i = 0; i < kResolvesMax; ++i) {
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

const SchemaParts::Named* SchemaParts::find(std::string_view name, std::string_view space) const {
  const auto found = named_.find(full_name(name, space));
  if (found != named_.end()) return &found->second;
  const auto bare = named_.find(std::string(name));
  return bare == named_.end() ? nullptr : &bare->second;
}

void SchemaParts::collect(const json_t* type, const std::string& space) {
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

Json SchemaParts::written(const json_t* type, const std::string& space) {
  if (json_is_string(type)) {
    const Named* const named = find(text_of(type), space);
    return named ? written(named->definition, named->space) : Json(copy_of(type));
  }
  if (json_is_array(type)) {
    Json branches(json_array());
    size_t at;
    json_t* item;
    json_array_foreach(type, at, item)
        json_array_append_new(branches.get(), written(item, space).release());
    return branches;
  }
  if (is_named_kind(text_of(json_object_get(type, "type")))) {
    std::string inside = space;
    enter(type, &inside);
    return written_definition(type, inside);
  }
  Json copy(copy_of(type));
  for (const char* key : {"type", "items", "values"}) {
    if (const json_t* const part = json_object_get(type, key))
      json_object_set_new(copy.get(), key, written(part, space).release());
  }
  return copy;
}

// `inside`: the namespace that it sets.
Json SchemaParts::written_definition(const json_t* type, const std::string& inside) {
  const std::string name = full_name(text_of(json_object_get(type, "name")), inside);
  if (!defined_.insert(name).second) return Json(json_string(name.c_str()));
  Json copy(copy_of(type));
  json_object_set_new(copy.get(), "name", json_string(name.c_str()));
  json_object_del(copy.get(), "namespace");
  const json_t* const fields = json_object_get(type, "fields");
  if (!json_is_array(fields)) return copy;
  Json own(json_array());
  size_t at;
  json_t* field;
  json_array_foreach(fields, at, field) {
    json_t* const part = copy_of(field);
    json_object_set_new(part, "type", written(json_object_get(field, "type"), inside).release());
    json_array_append_new(own.get(), part);
  }
  json_object_set(copy.get(), "fields", own.get());
  return copy;
}

}  // namespace sdr::cat
