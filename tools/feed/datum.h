// A schema as a tree of what sdr-feed needs to know of it, and a datum's bytes, made with
// libavro-c.
#pragma once

#include <avro.h>
#include <jansson.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tools/lib/schema.h"

namespace sdr {

// One place of the schema, references followed. Children are a record's fields, a union's branches,
// or the one item of an array or map.
struct SchemaNode {
  avro_type_t type = AVRO_NULL;
  std::string name;          // the field's, or the full name of a named type where it is a branch
  std::string type_name;     // "int", "record's full name" …: what Avro's JSON calls a branch
  std::string logical_type;  // also where it stands beside `type` in the field
  bool is_counter = false;
  unsigned number = 0;               // counts the places, so that signals differ
  std::vector<std::string> symbols;  // of an enum
  size_t fixed_size = 0;
  std::vector<SchemaNode> children;
};

struct AvroSchemaRelease {
  void operator()(avro_schema_t schema) const { avro_schema_decref(schema); }
};

class DatumSchema {
 public:
  // Compiles and parses; `counter` names the field that counts, or is empty. Throws SchemaError.
  DatumSchema(const std::string& text, const std::string& counter);
  ~DatumSchema();
  DatumSchema(const DatumSchema&) = delete;
  DatumSchema& operator=(const DatumSchema&) = delete;

  const SchemaNode& root() const { return root_; }
  const CompiledSchema& compiled() const { return compiled_; }
  bool has_counter() const { return has_counter_; }

  // The value to fill, emptied; once it is filled, whether a datagram has room for it, and its
  // bytes. encode() throws std::runtime_error where it does not fit.
  avro_value_t* fresh();
  bool fits();
  std::string encode();

 private:
  SchemaNode build(avro_schema_t schema, const json_t* json, const std::string& name,
                   const std::string& logical_type);
  void build_fields(avro_schema_t schema, const json_t* json, SchemaNode* node);
  void choose_counter(const std::string& counter);

  CompiledSchema compiled_;
  std::unique_ptr<avro_obj_t, AvroSchemaRelease> schema_;
  avro_value_iface_t* interface_ = nullptr;
  avro_value_t value_ = {};
  SchemaNode root_;
  std::map<avro_schema_t, const json_t*> definitions_;  // while it is built
  unsigned places_ = 0;
  bool has_counter_ = false;
  std::vector<char> buffer_;
};

// Throws std::runtime_error where libavro-c refuses; that would be a bug of ours, so it says so.
void expect(int libavro_result);

}  // namespace sdr
