// Datums as an Avro container file: as they are, or those of their fields that are wanted.
#pragma once

#include <avro.h>

#include <string>

#include "tools/cat/sink.h"

namespace sdr::cat {

class AvroSink : public Sink {
 public:
  explicit AvroSink(const SinkOptions& options) : Sink(options) {}
  ~AvroSink() override;

  void settle(std::string* out) override;

 private:
  bool begin(std::string_view schema_text, std::string* why) override;
  bool append(std::span<const uint8_t> bytes, avro_value_t* datum, std::optional<int64_t> time_us,
              std::string* out, std::string* why) override;
  bool append_part(const Column& column, avro_value_t* datum, std::optional<int64_t> time_us);

  std::string schema_;  // of what is written; empty: nothing has begun
  bool is_begun_ = false;
  uint8_t sync_[16] = {};
  std::string block_;
  int64_t datums_ = 0;
  avro_writer_t writer_ = nullptr;
  std::string encoded_;  // where the writer writes
};

}  // namespace sdr::cat
