#include "tools/cat/decoder.h"

namespace sdr::cat {
namespace {

// A type's name as it stands in a union: the full name where it has one.
std::string branch_name(avro_schema_t schema) {
  if (is_avro_link(schema)) schema = avro_schema_link_target(schema);
  const bool named = is_avro_record(schema) || is_avro_enum(schema) || is_avro_fixed(schema);
  const char* const space = named ? avro_schema_namespace(schema) : nullptr;
  const char* const name = avro_schema_type_name(schema);
  return space && *space ? std::string(space) + "." + name : name;
}

}  // namespace

avro_type_t type_of(const avro_value_t* value) {
  return value->iface->get_type(value->iface, value->self);
}

Decoder::~Decoder() {
  if (value_.iface) avro_value_decref(&value_);
  if (class_) avro_value_iface_decref(class_);
  if (reader_) avro_reader_free(reader_);
  if (schema_) avro_schema_decref(schema_);
}

bool Decoder::open(std::string_view schema_text, Unions unions, std::string* why) {
  unions_ = unions;
  if (avro_schema_from_json_length(schema_text.data(), schema_text.size(), &schema_) != 0) {
    schema_ = nullptr;
    *why = avro_strerror();
    return false;
  }
  if (!shape_.build(schema_, why)) return false;
  class_ = avro_generic_class_from_schema(schema_);
  if (!class_ || avro_generic_value_new(class_, &value_) != 0) {
    value_.iface = nullptr;
    *why = avro_strerror();
    return false;
  }
  reader_ = avro_reader_memory("", 0);
  return reader_ != nullptr;
}

bool Decoder::print(std::span<const uint8_t> bytes, JsonWriter* out, std::string* why) {
  avro_value_t* const datum = decode(bytes, why);
  if (datum) print_value(datum, out);
  return datum != nullptr;
}

avro_value_t* Decoder::decode(std::span<const uint8_t> bytes, std::string* why) {
  avro_reader_memory_set_source(reader_, reinterpret_cast<const char*>(bytes.data()),
                                static_cast<int64_t>(bytes.size()));
  if (avro_value_reset(&value_) != 0 || avro_value_read(reader_, &value_) != 0) {
    *why = avro_strerror();
    return nullptr;
  }
  return &value_;
}

void Decoder::print_value(avro_value_t* value, JsonWriter* out) const {
  const void* data = nullptr;
  const char* text = nullptr;
  size_t size = 0;
  int number = 0;
  switch (type_of(value)) {
    case AVRO_BOOLEAN:
      avro_value_get_boolean(value, &number);
      out->value(number != 0);
      return;
    case AVRO_INT32: {
      int32_t content = 0;
      avro_value_get_int(value, &content);
      out->value(content);
      return;
    }
    case AVRO_INT64: {
      int64_t content = 0;
      avro_value_get_long(value, &content);
      out->value(content);
      return;
    }
    case AVRO_FLOAT: {
      float content = 0;
      avro_value_get_float(value, &content);
      out->value(content);
      return;
    }
    case AVRO_DOUBLE: {
      double content = 0;
      avro_value_get_double(value, &content);
      out->value(content);
      return;
    }
    case AVRO_STRING:
      // The size counts the NUL behind the text.
      avro_value_get_string(value, &text, &size);
      out->value(std::string_view(text, size ? size - 1 : 0));
      return;
    case AVRO_BYTES:
      avro_value_get_bytes(value, &data, &size);
      out->bytes({static_cast<const uint8_t*>(data), size});
      return;
    case AVRO_FIXED:
      avro_value_get_fixed(value, &data, &size);
      out->bytes({static_cast<const uint8_t*>(data), size});
      return;
    case AVRO_ENUM:
      avro_value_get_enum(value, &number);
      out->value(avro_schema_enum_get(avro_value_get_schema(value), number));
      return;
    case AVRO_UNION:
      print_union(value, out);
      return;
    case AVRO_RECORD:
    case AVRO_MAP:
    case AVRO_ARRAY:
      print_items(value, out);
      return;
    default:
      out->value(nullptr);
  }
}

void Decoder::print_union(avro_value_t* value, JsonWriter* out) const {
  avro_value_t branch = {};
  avro_value_get_current_branch(value, &branch);
  if (unions_ == Unions::kBare || type_of(&branch) == AVRO_NULL) {
    print_value(&branch, out);
    return;
  }
  int index = 0;
  avro_value_get_discriminant(value, &index);
  out->begin_object();
  out->key(branch_name(avro_schema_union_branch(avro_value_get_schema(value), index)));
  print_value(&branch, out);
  out->end_object();
}

void Decoder::print_items(avro_value_t* value, JsonWriter* out) const {
  const bool array = type_of(value) == AVRO_ARRAY;
  size_t count = 0;
  avro_value_get_size(value, &count);
  array ? out->begin_array() : out->begin_object();
  for (size_t i = 0; i < count; ++i) {
    avro_value_t item = {};
    const char* name = nullptr;
    avro_value_get_by_index(value, i, &item, &name);
    if (!array) out->key(name);
    print_value(&item, out);
  }
  array ? out->end_array() : out->end_object();
}

}  // namespace sdr::cat
