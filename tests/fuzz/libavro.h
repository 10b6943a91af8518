// libavro-c as the other reader of datums, with its memory counted and bounded.
#pragma once

#include <avro.h>

#include <string>
#include <string_view>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/layout_walk.h"

namespace sdr::fuzz {

// One value of a schema.
class LibavroValue {
 public:
  explicit LibavroValue(const char* schema);
  ~LibavroValue();
  LibavroValue(const LibavroValue&) = delete;
  LibavroValue& operator=(const LibavroValue&) = delete;

  // Reads the datum that `bytes` begin with; false where libavro-c takes none.
  bool read(std::string_view bytes);
  size_t read_size() const { return read_size_; }  // of the datum read last

  // The value, encoded.
  std::string write();
  // A random value, encoded.
  std::string make(Random* random);

 private:
  avro_schema_t schema_ = nullptr;
  avro_value_iface_t* class_ = nullptr;
  avro_value_t value_ = {};
  size_t read_size_ = 0;
};

// Whether libavro-c may take what Layout::validate() refuses so.
bool may_differ(Reject reject);

}  // namespace sdr::fuzz
