// The schema compiler: an Avro schema (.avsc text) → the layout text that the relay walks
// (relay/format/layout.h).
//
// libavro-c parses the schema, so what it takes is what we take; logical types, which it drops, are
// read from the JSON itself. The original text is kept: the OCF header holds it as it was written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace sdr {

// One field of the record, or of a record within it: "pose.x" for x in pose. Only fields whose path
// from the root passes through records are listed, in the order of their bytes.
struct SchemaField {
  std::string path;
  std::string type;          // "int", "long", "double", "enum", "union", "record" …
  std::string logical_type;  // "timestamp-micros" …, or empty; also where it stands beside `type`
                             // in the field
};

struct CompiledSchema {
  std::string text;         // the original, byte for byte
  std::string layout;       // one line, without newline
  std::string name;         // full name of the root where it has one
  size_t fixed_size = 0;    // bytes of every datum, or 0 where it varies
  size_t minimum_size = 0;  // bytes of the smallest datum
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
// of zero bytes, more steps or depth than a layout may have. `hold` names the fields (by path) that
// get a "!" beside those with a time logical type (timestamp-*, local-timestamp-*, time-*, date).
CompiledSchema compile_schema(std::string_view text, const std::vector<std::string>& hold = {});

// The constant part of a channel's OCF header, as service directories hold it in data/header: an
// Avro file without blocks (avro.schema, avro.codec=null, sdr.channel) whose sync marker is zeros.
std::string channel_header(const CompiledSchema& schema, std::string_view channel);

}  // namespace sdr
