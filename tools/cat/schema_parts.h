// Parts of a schema's text, and what they are said to be: libavro-c drops logical types.
#pragma once

#include <jansson.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "tools/recording/field_path.h"

namespace sdr::cat {
using namespace recording;

struct ReleaseJson {
  void operator()(json_t* json) const { json_decref(json); }
};
using Json = std::unique_ptr<json_t, ReleaseJson>;

class SchemaParts {
 public:
  // False: it is no JSON. Paths are those of a shape that was built of the same text.
  bool open(std::string_view schema_text);

  // The type that the path leads to, standing by itself: names are whole, and defined where they
  // are used first in all that has been asked for.
  Json type_of(const FieldPath& path);
  // What stands beside `type` in the field itself, as many schemas have their logical types.
  void copy_logical_type(const FieldPath& path, json_t* field) const;
  // The type's own, or else that one; of a union, its only branch's besides null. May be empty.
  std::string logical_type_of(const FieldPath& path) const;
  // Whether a type has this full name.
  bool has_type(const std::string& name) const { return named_.contains(name); }

 private:
  struct Named {
    const json_t* definition;
    std::string space;  // the namespace around it
  };
  struct Place {
    const json_t* type;
    std::string space;
    const json_t* field = nullptr;  // that has this type, where it is one's
  };

  Place find_place(const FieldPath& path) const;
  void resolve(const json_t** type, std::string* space) const;
  const Named* find(std::string_view name, std::string_view space) const;
  void collect(const json_t* type, const std::string& space);
  Json written(const json_t* type, const std::string& space);
  Json written_definition(const json_t* type, const std::string& inside);

  Json root_;
  std::map<std::string, Named> named_;
  std::set<std::string> defined_;
};

}  // namespace sdr::cat
