// The forms in which datums are printed: JSON lines, CSV, an Avro container file.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/cat/columns.h"
#include "tools/cat/decoder.h"

namespace sdr::cat {

enum class Format : uint8_t { kJson, kCsv, kAvro };

struct SinkOptions {
  Format format = Format::kJson;
  std::vector<std::string> fields;  // none: all there is
  bool utc = false;                 // of "@time"
};

class Sink {
 public:
  explicit Sink(const SinkOptions& options) : options_(options) {}
  virtual ~Sink() = default;

  // What follows is of a segment with this schema, which `decoder` has opened and which outlives
  // what follows. False: *why it cannot go with what was before.
  bool begin_segment(std::string_view schema_text, Decoder* decoder, std::string* why);
  // Whether somebody has to say when datums were received.
  bool wants_times() const;

  // Appends the datum that `bytes` are, which the shape found sound. False with *why: libavro-c
  // will not have it, and nothing is appended.
  bool put(std::span<const uint8_t> bytes, std::optional<int64_t> time_us, std::string* out,
           std::string* why);
  // Appends what has been held back: a reader has all of it that came so far.
  virtual void settle(std::string* /*out*/) {}
  // All has come.
  virtual void finish(std::string* out) { settle(out); }

 protected:
  virtual bool begin(std::string_view schema_text, std::string* why) = 0;
  virtual bool append(std::span<const uint8_t> bytes, avro_value_t* datum,
                      std::optional<int64_t> time_us, std::string* out, std::string* why) = 0;

  const SinkOptions options_;
  Decoder* decoder_ = nullptr;
  std::vector<Column> columns_;  // what is printed; none: the datum as a whole
};

std::unique_ptr<Sink> make_sink(const SinkOptions& options);

}  // namespace sdr::cat
