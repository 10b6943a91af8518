// Writes JSON text (RFC 8259) into a string, compact, with the commas in their places.
//
// The caller keeps the order: a key before every member of an object, every begin with its end.
// What goes in comes out readable by any parser: numbers exactly (longs to the last digit, floats
// and doubles in the fewest digits that read back as the same value, with a ".0" where they would
// look like an integer), NaN and the infinities as the strings "NaN", "Infinity" and "-Infinity",
// and bytes that are not UTF-8 as U+FFFD.
#pragma once

#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sdr {

class JsonWriter {
 public:
  // Appends to *out, which must outlive the writer.
  explicit JsonWriter(std::string* out) : out_(out) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);

  JsonWriter& value(std::nullptr_t) { return word("null"); }
  JsonWriter& value(std::same_as<bool> auto b) { return word(b ? "true" : "false"); }
  template <std::integral Integer>
  requires(!std::same_as<Integer, bool>) JsonWriter& value(Integer number) {
    char digits[24];
    const char* end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    return word({digits, static_cast<size_t>(end - digits)});
  }
  JsonWriter& value(float number);
  JsonWriter& value(double number);
  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }
  // Bytes as Avro's JSON encoding has them: a string in which each code point is one byte.
  JsonWriter& bytes(std::span<const uint8_t> data);

  // key() and value() in one: the usual member of an object.
  template <typename T>
  JsonWriter& member(std::string_view name, const T& content) {
    return key(name).value(content);
  }

  // Ends a line of JSON lines: the next value begins a new text.
  JsonWriter& newline();

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  JsonWriter& word(std::string_view text);
  void separate();

  std::string* out_;
  bool comma_ = false;  // something stands before, at this level
};

// Appends `text` in quotes, escaped.
void append_json_string(std::string_view text, std::string* out);

}  // namespace sdr
