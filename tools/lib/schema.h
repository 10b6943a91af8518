// The schema compiler: an Avro schema (.avsc text) → the layout text that the relay walks
// (relay/format/layout.h).
//
// libavro-c parses the schema, so what it takes is what we take; logical types, which it drops, are
// read from the JSON itself. The original text is kept: the OCF header holds it as it was written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace sdr {

// One field of the record, or of a record within it: "pose.x" for x in pose. Only fields whose path
// from the root passes through records are listed, in the order of their bytes.
//
// Those that are an int, long, float or double are the numbers that decimation acts on and a relay
// knows by ordinal, counted from 0 in the order of the bytes. One with a time logical type
// (timestamp-*, local-timestamp-*, time-*, date) is held: it has a "!" in the layout.
struct SchemaField {
  std::string path;
  std::string type;          // "int", "long", "double", "enum", "union", "record" …
  std::string logical_type;  // "timestamp-micros" …, or empty; also where it stands beside `type`
                             // in the field
  std::optional<uint32_t> ordinal = {};  // of a number
  bool held = false;
  size_t layout_end = 0;         // of a number: where in the layout its letter ends
  bool nullable_number = false;  // a union of null and numbers, which are no time
};

struct CompiledSchema {
  std::string text;           // the original, byte for byte
  std::string layout;         // one line, without newline
  std::string name;           // full name of the root where it has one
  size_t fixed_size = 0;      // bytes of every datum, or 0 where it varies
  size_t minimum_size = 0;    // bytes of the smallest datum
  size_t number_count = 0;    // 1 also where the root is itself a number, without a field
  bool root_is_time = false;  // such a number with a time logical type, which no "!" can mark
  std::vector<SchemaField> fields;
};

// What is wrong with a schema. line and column are 1-based in its text, 0 where the place is not
// known.
struct SchemaError : std::runtime_error {
  SchemaError(const std::string& what, size_t at_line, size_t at_column)
      : std::runtime_error(what), line(at_line), column(at_column) {}
  size_t line;
  size_t column;
};

// Throws SchemaError: not JSON (with its place), not a schema, recursive (names the type), a datum
// of zero bytes, more steps or depth than a layout may have.
CompiledSchema compile_schema(std::string_view text);

// The field with this path, or null.
const SchemaField* find_field(const CompiledSchema& schema, std::string_view path);

// The layout with a "!" behind this number too.
std::string layout_holding(const CompiledSchema& schema, const SchemaField& number);

// The constant part of a channel's OCF header, as service directories hold it in data/header: an
// Avro file without blocks (avro.schema, avro.codec=null, sdr.channel) whose sync marker is zeros.
std::string channel_header(std::string_view schema_text, std::string_view channel);

}  // namespace sdr
