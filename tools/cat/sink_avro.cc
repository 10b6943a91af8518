#include "tools/cat/sink_avro.h"

#include <sys/random.h>

#include <cstring>
#include <stdexcept>

#include "relay/format/ocf.h"
#include "relay/format/varint.h"
#include "tools/cat/projection.h"

namespace sdr::cat {
namespace {

constexpr size_t kBlockBytes = 256 << 10;

}  // namespace

AvroSink::~AvroSink() {
  if (writer_) avro_writer_free(writer_);
}

// The text of the schema is passed on as it is: libavro-c would leave out what it does not know,
// such as logical types.
bool AvroSink::begin(std::string_view schema_text, std::string* why) {
  std::string schema(schema_text);
  if (!columns_.empty() && !project_schema(schema_text, decoder_->shape(), columns_, &schema, why))
    return false;
  if (!schema_.empty() && schema != schema_) {
    *why =
        "its schema is another than that of what was before, and a file has one: write it by "
        "itself";
    return false;
  }
  if (!schema_.empty()) return true;
  schema_ = schema;
  if (getrandom(sync_, sizeof sync_, 0) != sizeof sync_)
    throw std::runtime_error("unable to get random bytes");
  sync_[sizeof sync_ - 1] |= 1;  // as in every segment: a run of zeros holds no part of a marker
  return true;
}

bool AvroSink::append(std::span<const uint8_t> bytes, avro_value_t* datum,
                      std::optional<int64_t> time_us, std::string* out, std::string* why) {
  if (columns_.empty()) {
    block_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  } else {
    const size_t before = block_.size();
    for (const Column& column : columns_) {
      if (append_part(column, datum, time_us)) continue;
      block_.resize(before);
      *why = std::string("unable to encode ") + column.name + ": " + avro_strerror();
      return false;
    }
  }
  ++datums_;
  if (block_.size() >= kBlockBytes) settle(out);
  return true;
}

// As project_schema() has it: what a datum may lack is a union of null and its type.
bool AvroSink::append_part(const Column& column, avro_value_t* datum,
                           std::optional<int64_t> time_us) {
  uint8_t number[kVarintBytesMax];
  const auto append_long = [&](int64_t value) {
    block_.append(reinterpret_cast<const char*>(number), put_varint(value, number));
  };
  if (column.kind == Column::Kind::kTime) {
    append_long(time_us ? 1 : 0);
    if (time_us) append_long(*time_us);
    return true;
  }
  avro_value_t value;
  const bool is_there = find_value(column.path, *datum, &value);
  const MayLack may_lack = may_lack_of(decoder_->shape(), column);
  if (!is_there) {
    append_long(may_lack.null_branch);
    return true;
  }
  if (may_lack.is_wrapped) append_long(1);
  avro_value_t branch = {};
  if (may_lack.is_shifted) {
    int index = 0;
    avro_value_get_discriminant(&value, &index);
    append_long(index + 1);
    avro_value_get_current_branch(&value, &branch);
    value = branch;
  }
  size_t size = 0;
  if (avro_value_sizeof(&value, &size) != 0) return false;
  encoded_.resize(size);
  if (!writer_) {
    writer_ = avro_writer_memory(encoded_.data(), static_cast<int64_t>(size));
  } else {
    avro_writer_memory_set_dest(writer_, encoded_.data(), static_cast<int64_t>(size));
  }
  if (!writer_ || (size > 0 && avro_value_write(writer_, &value) != 0)) return false;
  block_ += encoded_;
  return true;
}

void AvroSink::settle(std::string* out) {
  if (!is_begun_ && !schema_.empty()) {
    is_begun_ = true;
    const MetadataPair pairs[] = {{"avro.schema", schema_}, {"avro.codec", "null"}};
    std::string header(schema_.size() + 256, '\0');
    header.resize(put_ocf_header({}, pairs, sync_,
                                 {reinterpret_cast<uint8_t*>(header.data()), header.size()}));
    *out += header;
  }
  if (datums_ == 0) return;
  uint8_t head[kBlockHeadBytesMax];
  const size_t size = put_block_head(static_cast<uint64_t>(datums_), block_.size(), head);
  out->append(reinterpret_cast<const char*>(head), size);
  *out += block_;
  out->append(reinterpret_cast<const char*>(sync_), sizeof sync_);
  block_.clear();
  datums_ = 0;
}

}  // namespace sdr::cat
