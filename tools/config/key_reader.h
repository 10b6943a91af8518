// Reads single values of the config: type, unit and range, each mistake reported where it stands.
//
// `key` is how messages call the value: "record.sync". Every reader returns whether the value was
// good, and leaves *out alone otherwise.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "tools/config/diagnostic.h"
#include "tools/config/document.h"

namespace sdr {

inline constexpr size_t kAccountNameMax = 32;  // of users and groups

constexpr size_t kNameBytesMax = 255;
constexpr size_t kPathBytesMax = 1024;

class KeyReader {
 public:
  KeyReader(const std::string& file, Findings* findings) : file_(file), findings_(findings) {}

  Place place(const ConfigMember& member) const { return {file_, member.line, member.column}; }
  Place place(const ConfigValue& value) const { return {file_, value.line, value.column}; }
  void error(const ConfigValue& value, std::string message);
  void error(const ConfigMember& member, std::string message);

  // Without control characters, not empty, at most bytes_max bytes. `example` says what would be
  // right.
  bool string(std::string_view key, const ConfigValue& value, std::string_view example,
              size_t bytes_max, std::string* out);
  bool integer(std::string_view key, const ConfigValue& value, int64_t least, int64_t most,
               int64_t* out);
  bool boolean(std::string_view key, const ConfigValue& value, bool* out);
  bool choice(std::string_view key, const ConfigValue& value,
              std::span<const std::string_view> choices, std::string* out);
  // Durations in steps of `step_us` (1000: whole milliseconds); ranges are inclusive.
  bool duration(std::string_view key, const ConfigValue& value, uint64_t least_us, uint64_t most_us,
                uint64_t step_us, uint64_t* out_us);
  bool size(std::string_view key, const ConfigValue& value, uint64_t least, uint64_t most,
            uint64_t* out);
  bool rate(std::string_view key, const ConfigValue& value, uint64_t* out_millihertz);
  bool percent(std::string_view key, const ConfigValue& value, uint64_t most_hundredths,
               uint64_t* out_hundredths);
  // A name that the system looks up: interface, user, group. No white space, no slash, no leading
  // dash or dot.
  bool name(std::string_view key, const ConfigValue& value, std::string_view example,
            size_t bytes_max, std::string* out);
  // An absolute path without "." or ".." parts, made canonical (no double or trailing slash).
  bool absolute_path(std::string_view key, const ConfigValue& value, std::string* out);

  bool table(std::string_view key, const ConfigValue& value, std::string_view example);
  void wrong_type(std::string_view key, const ConfigValue& value, std::string_view wanted);
  void unknown_key(const ConfigMember& member, std::string_view where,
                   std::span<const std::string_view> known, std::string_view otherwise = "");

 private:
  const std::string& file_;
  Findings* findings_;
};

}  // namespace sdr
