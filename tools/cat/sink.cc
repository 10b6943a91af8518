#include "tools/cat/sink.h"

#include <algorithm>

#include "tools/cat/csv_cell.h"
#include "tools/cat/schema_parts.h"
#include "tools/cat/sink_avro.h"
#include "tools/lib/json.h"
#include "tools/lib/time_text.h"
#include "tools/recording/time_field.h"

namespace sdr::cat {
namespace {

class JsonSink : public Sink {
 public:
  using Sink::Sink;

 private:
  bool begin(std::string_view /*schema_text*/, std::string* /*why*/) override { return true; }

  bool append(std::span<const uint8_t> /*bytes*/, avro_value_t* datum,
              std::optional<int64_t> time_us, std::string* out, std::string* /*why*/) override {
    JsonWriter json(out);
    if (columns_.empty()) {
      decoder_->print(datum, &json);
      json.newline();
      return true;
    }
    json.begin_object();
    for (const Column& column : columns_) {
      json.key(column.name);
      avro_value_t value;
      if (column.kind == Column::Kind::kTime) {
        time_us ? json.value(time_text(*time_us, options_.utc)) : json.value(nullptr);
      } else if (find_value(column.path, *datum, &value)) {
        decoder_->print(&value, &json);
      } else {
        json.value(nullptr);
      }
    }
    json.end_object().newline();
    return true;
  }
};

class CsvSink : public Sink {
 public:
  using Sink::Sink;

 private:
  bool begin(std::string_view schema_text, std::string* why) override {
    if (columns_.empty()) columns_ = all_columns(decoder_->shape());
    find_times(schema_text);
    std::string head;
    for (const Column& column : columns_)
      head += (&column == columns_.data() ? "" : ",") + csv_quoted(column.name);
    head += "\n";
    if (!head_.empty() && head != head_) {
      *why = "its datums have other columns than those before: " +
             head.substr(0, std::min<size_t>(head.size() - 1, 200)) +
             "; name those that are wanted with --fields";
      return false;
    }
    head_ = head;
    return true;
  }

  bool append(std::span<const uint8_t> /*bytes*/, avro_value_t* datum,
              std::optional<int64_t> time_us, std::string* out, std::string* /*why*/) override {
    settle(out);
    for (const Column& column : columns_) {
      if (&column != columns_.data()) *out += ',';
      avro_value_t value = *datum;
      if (column.kind == Column::Kind::kTime) {
        if (time_us) *out += time_text(*time_us, options_.utc);
      } else if (column.kind == Column::Kind::kDatum || find_value(column.path, *datum, &value)) {
        const int64_t units = units_per_s_[static_cast<size_t>(&column - columns_.data())];
        *out += units > 0 ? csv_time(*decoder_, &value, units, options_.utc)
                          : csv_cell(*decoder_, &value);
      }
    }
    *out += '\n';
    return true;
  }

  // The head, once it is known, also where no datum comes.
  void settle(std::string* out) override {
    if (is_told_ || head_.empty()) return;
    *out += head_;
    is_told_ = true;
  }

  // Which columns are timestamps.
  void find_times(std::string_view schema_text) {
    units_per_s_.assign(columns_.size(), 0);
    SchemaParts parts;
    if (!parts.open(schema_text)) return;
    const Shape& shape = decoder_->shape();
    for (size_t i = 0; i < columns_.size(); ++i) {
      const FieldPath& path = columns_[i].path;
      if (columns_[i].kind != Column::Kind::kField) continue;
      if (shape.node(without_null(shape, path.node())).type == AVRO_INT64)
        units_per_s_[i] = units_per_s(parts.logical_type_of(path));
    }
  }

  std::vector<int64_t> units_per_s_;  // of the columns; 0: it is no time
  std::string head_;
  bool is_told_ = false;
};

}  // namespace

bool Sink::wants_times() const {
  return std::any_of(columns_.begin(), columns_.end(),
                     [](const Column& column) { return column.kind == Column::Kind::kTime; });
}

bool Sink::begin_segment(std::string_view schema_text, Decoder* decoder, std::string* why) {
  decoder_ = decoder;
  columns_.clear();
  if (!options_.fields.empty() && !find_columns(decoder->shape(), options_.fields, &columns_, why))
    return false;
  return begin(schema_text, why);
}

bool Sink::put(std::span<const uint8_t> bytes, std::optional<int64_t> time_us, std::string* out,
               std::string* why) {
  avro_value_t* const datum = decoder_->decode(bytes, why);
  if (!datum) return false;
  const size_t before = out->size();
  if (append(bytes, datum, time_us, out, why)) return true;
  out->resize(before);
  return false;
}

std::unique_ptr<Sink> make_sink(const SinkOptions& options) {
  switch (options.format) {
    case Format::kCsv:
      return std::make_unique<CsvSink>(options);
    case Format::kAvro:
      return std::make_unique<AvroSink>(options);
    case Format::kJson:
      break;
  }
  return std::make_unique<JsonSink>(options);
}

}  // namespace sdr::cat
