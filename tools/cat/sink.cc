#include "tools/cat/sink.h"

#include <algorithm>

#include "tools/cat/sink_avro.h"
#include "tools/lib/json.h"
#include "tools/lib/time_text.h"

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
  bool begin(std::string_view /*schema_text*/, std::string* why) override {
    if (columns_.empty()) columns_ = all_columns(decoder_->shape());
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
        *out += csv_cell(*decoder_, &value);
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

std::string csv_quoted(std::string_view text) {
  if (!text.empty() && text.find_first_of(",\"\r\n") == std::string_view::npos)
    return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

std::string csv_cell(const Decoder& decoder, avro_value_t* value) {
  avro_value_t inner = *value;
  avro_value_t branch = {};
  while (type_of(&inner) == AVRO_UNION) {
    if (avro_value_get_current_branch(&inner, &branch) != 0) return "";
    inner = branch;
  }
  const void* data = nullptr;
  const char* text = nullptr;
  size_t size = 0;
  int number = 0;
  switch (type_of(&inner)) {
    case AVRO_NULL:
      return "";
    case AVRO_STRING:
      avro_value_get_string(&inner, &text, &size);
      return csv_quoted({text, size > 0 ? size - 1 : 0});
    case AVRO_ENUM:
      avro_value_get_enum(&inner, &number);
      return avro_schema_enum_get(avro_value_get_schema(&inner), number);
    case AVRO_BYTES:
      avro_value_get_bytes(&inner, &data, &size);
      break;
    case AVRO_FIXED:
      avro_value_get_fixed(&inner, &data, &size);
      break;
    case AVRO_FLOAT:
    case AVRO_DOUBLE: {
      std::string cell;
      JsonWriter json(&cell);
      decoder.print(&inner, &json);
      // In JSON these are strings.
      std::erase(cell, '"');
      return cell;
    }
    default: {
      std::string cell;
      JsonWriter json(&cell);
      decoder.print(&inner, &json);
      return csv_quoted(cell);
    }
  }
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (size_t i = 0; i < size; ++i) {
    const uint8_t byte = static_cast<const uint8_t*>(data)[i];
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex.empty() ? "\"\"" : hex;
}

}  // namespace sdr::cat
