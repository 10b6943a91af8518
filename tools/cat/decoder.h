// Decodes datums with libavro-c and prints them as JSON.
#pragma once

#include <avro.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "tools/lib/json.h"
#include "tools/recording/shape.h"

namespace sdr::cat {
using namespace recording;

// Whether a value of a union stands alone, or as Avro's JSON encoding has it: {"branch": value}.
enum class Unions : uint8_t { kBare, kTyped };

// libavro-c's macro for this mixes signs.
avro_type_t type_of(const avro_value_t* value);

class Decoder {
 public:
  Decoder() = default;
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder();

  // Parses the schema text of a file's header. Returns false and says why where that fails.
  bool open(std::string_view schema_text, Unions unions, std::string* why);

  const Shape& shape() const { return shape_; }

  // Prints the datum that `bytes` are, which shape().walk() found sound, as one JSON value.
  // Returns false and says why where libavro-c will not have it; then part of it may be printed.
  bool print(std::span<const uint8_t> bytes, JsonWriter* out, std::string* why);

  // In two steps: the datum, which stands until the next one or null with *why, and any value of
  // it.
  avro_value_t* decode(std::span<const uint8_t> bytes, std::string* why);
  void print(avro_value_t* value, JsonWriter* out) const { print_value(value, out); }

 private:
  void print_value(avro_value_t* value, JsonWriter* out) const;
  void print_union(avro_value_t* value, JsonWriter* out) const;
  void print_items(avro_value_t* value, JsonWriter* out) const;

  Unions unions_ = Unions::kBare;
  Shape shape_;
  avro_schema_t schema_ = nullptr;
  avro_value_iface_t* class_ = nullptr;
  avro_reader_t reader_ = nullptr;
  avro_value_t value_ = {};
};

}  // namespace sdr::cat
