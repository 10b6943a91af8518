#include "tools/lib/json.h"

#include <cmath>
#include <cstring>

namespace sdr {
namespace {

constexpr char kHex[] = "0123456789abcdef";

void append_escape(uint8_t byte, std::string* out) {
  const char text[] = {'\\', 'u', '0', '0', kHex[byte >> 4], kHex[byte & 15]};
  out->append(text, sizeof text);
}

// The size of the UTF-8 sequence at the front of `text`, or 0 where there is none (RFC 3629: no
// surrogates, nothing over-long, nothing past U+10FFFF).
size_t sequence_size(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  size_t size = 4;
  if (first < 0x80)
    size = 1;
  else if (first < 0xc2)
    size = 0;
  else if (first < 0xe0)
    size = 2;
  else if (first < 0xf0)
    size = 3;
  else if (first > 0xf4)
    size = 0;
  if (size == 0 || size > text.size()) return 0;
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  if (first == 0xe0 && byte(1) < 0xa0) return 0;
  if (first == 0xed && byte(1) > 0x9f) return 0;
  if (first == 0xf0 && byte(1) < 0x90) return 0;
  if (first == 0xf4 && byte(1) > 0x8f) return 0;
  return size;
}

bool is_plain(uint8_t byte) { return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\'; }

// Appends the escape of a byte below 0x80 that is not plain.
void append_special(uint8_t byte, std::string* out) {
  switch (byte) {
    case '"':
      out->append("\\\"");
      return;
    case '\\':
      out->append("\\\\");
      return;
    case '\n':
      out->append("\\n");
      return;
    case '\r':
      out->append("\\r");
      return;
    case '\t':
      out->append("\\t");
      return;
    default:
      append_escape(byte, out);
  }
}

// Shortest digits; positional where a reader would write it so, as 100000.0 rather than 1e+05.
template <typename Float>
size_t put_float(Float number, char (&text)[40]) {
  const double magnitude = std::fabs(static_cast<double>(number));
  const bool positional = magnitude == 0 || (magnitude >= 1e-5 && magnitude < 1e16);
  const std::chars_format format =
      positional ? std::chars_format::fixed : std::chars_format::scientific;
  char* end = std::to_chars(text, text + sizeof text - 2, number, format).ptr;
  const size_t size = static_cast<size_t>(end - text);
  if (!positional || std::memchr(text, '.', size)) return size;
  end[0] = '.';
  end[1] = '0';
  return size + 2;
}

const char* special_name(double number) {
  if (std::isnan(number)) return "\"NaN\"";
  return number > 0 ? "\"Infinity\"" : "\"-Infinity\"";
}

}  // namespace

void append_json_string(std::string_view text, std::string* out) {
  out->push_back('"');
  for (size_t at = 0; at < text.size();) {
    size_t run = at;
    while (run < text.size() && is_plain(static_cast<uint8_t>(text[run]))) ++run;
    out->append(text.substr(at, run - at));
    at = run;
    if (at == text.size()) break;
    const size_t size = sequence_size(text.substr(at));
    if (size == 1) {
      append_special(static_cast<uint8_t>(text[at]), out);
    } else if (size == 0) {
      out->append("\xef\xbf\xbd");
    } else {
      out->append(text.substr(at, size));
    }
    at += size ? size : 1;
  }
  out->push_back('"');
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  out_->push_back(bracket);
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  out_->push_back(bracket);
  comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::word(std::string_view text) {
  separate();
  out_->append(text);
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  separate();
  append_json_string(name, out_);
  out_->push_back(':');
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::value(float number) {
  if (!std::isfinite(number)) return word(special_name(static_cast<double>(number)));
  char text[40];
  return word({text, put_float(number, text)});
}

JsonWriter& JsonWriter::value(double number) {
  if (!std::isfinite(number)) return word(special_name(number));
  char text[40];
  return word({text, put_float(number, text)});
}

JsonWriter& JsonWriter::value(std::string_view text) {
  separate();
  append_json_string(text, out_);
  return *this;
}

JsonWriter& JsonWriter::bytes(std::span<const uint8_t> data) {
  separate();
  out_->push_back('"');
  for (const uint8_t byte : data) {
    if (is_plain(byte)) {
      out_->push_back(static_cast<char>(byte));
    } else if (byte < 0x80 && (byte == '"' || byte == '\\')) {
      append_special(byte, out_);
    } else {
      append_escape(byte, out_);
    }
  }
  out_->push_back('"');
  return *this;
}

JsonWriter& JsonWriter::newline() {
  out_->push_back('\n');
  comma_ = false;
  return *this;
}

void JsonWriter::separate() {
  if (comma_) out_->push_back(',');
  comma_ = true;
}

}  // namespace sdr
