#include "tools/config/key_reader.h"

#include <algorithm>
#include <utility>

#include "tools/config/units.h"

namespace sdr {
namespace {

std::string join(std::string_view a, std::string_view b) { return std::string(a) + std::string(b); }

std::string key_error(std::string_view key, std::string_view message) {
  return std::string(key) + ": " + std::string(message);
}

std::string range_error(std::string_view key, std::string_view text, const std::string& least,
                        const std::string& most) {
  return std::string(key) + " is " + printable(text, 64) + "; it must be from " + least + " to " +
         most;
}

}  // namespace

void KeyReader::error(const ConfigValue& value, std::string message) {
  findings_->error(place(value), std::move(message));
}

void KeyReader::error(const ConfigMember& member, std::string message) {
  findings_->error(place(member), std::move(message));
}

void KeyReader::wrong_type(std::string_view key, const ConfigValue& value,
                           std::string_view wanted) {
  error(value, std::string(key) + " is " + std::string(kind_name(value.kind)) + "; write " +
                   std::string(wanted));
}

void KeyReader::unknown_key(const ConfigMember& member, std::string_view where,
                            std::span<const std::string_view> known, std::string_view otherwise) {
  error(member, join("unknown key ", quoted(member.key)) + join(" in ", where) +
                    did_you_mean(member.key, known, otherwise));
}

bool KeyReader::string(std::string_view key, const ConfigValue& value, std::string_view example,
                       size_t bytes_max, std::string* out) {
  if (value.kind != ConfigValue::Kind::kString) {
    wrong_type(key, value, join("a string such as ", example));
    return false;
  }
  if (value.text.empty()) {
    error(value, join(key, " is empty; write it like ") + std::string(example));
    return false;
  }
  if (value.text.size() > bytes_max) {
    error(value, join(key, " is ") + std::to_string(value.text.size()) + " bytes long; at most " +
                     std::to_string(bytes_max));
    return false;
  }
  if (has_control(value.text)) {
    error(value, join(key, " has a control character: ") + quoted(value.text) + "; write it like " +
                     std::string(example));
    return false;
  }
  *out = value.text;
  return true;
}

bool KeyReader::integer(std::string_view key, const ConfigValue& value, int64_t least, int64_t most,
                        int64_t* out) {
  if (value.kind != ConfigValue::Kind::kInteger) {
    wrong_type(key, value,
               "an integer from " + std::to_string(least) + " to " + std::to_string(most) +
                   ", without quotes");
    return false;
  }
  if (value.integer < least || value.integer > most) {
    error(value, range_error(key, std::to_string(value.integer), std::to_string(least),
                             std::to_string(most)));
    return false;
  }
  *out = value.integer;
  return true;
}

bool KeyReader::boolean(std::string_view key, const ConfigValue& value, bool* out) {
  if (value.kind != ConfigValue::Kind::kBoolean) {
    wrong_type(key, value, "true or false, without quotes");
    return false;
  }
  *out = value.boolean;
  return true;
}

bool KeyReader::choice(std::string_view key, const ConfigValue& value,
                       std::span<const std::string_view> choices, std::string* out) {
  std::vector<std::string> words;
  for (const std::string_view word : choices) words.push_back("\"" + std::string(word) + "\"");
  const std::vector<std::string_view> views(words.begin(), words.end());
  if (value.kind != ConfigValue::Kind::kString) {
    wrong_type(key, value, one_of(views));
    return false;
  }
  if (std::find(choices.begin(), choices.end(), value.text) == choices.end()) {
    error(value, join(key, ": unknown value ") + quoted(value.text) +
                     did_you_mean(value.text, choices, "; write " + one_of(views)));
    return false;
  }
  *out = value.text;
  return true;
}

bool KeyReader::duration(std::string_view key, const ConfigValue& value, uint64_t least_us,
                         uint64_t most_us, uint64_t step_us, uint64_t* out_us) {
  if (value.kind != ConfigValue::Kind::kString) {
    wrong_type(key, value, "a duration with its unit such as \"5s\"");
    return false;
  }
  const Quantity read = parse_duration_us(value.text);
  if (!read.error.empty()) {
    error(value, key_error(key, read.error));
    return false;
  }
  if (read.value < least_us || read.value > most_us) {
    error(value, range_error(key, value.text, duration_text(least_us), duration_text(most_us)));
    return false;
  }
  if (read.value % step_us != 0) {
    error(value, join(key, " is ") + quoted(value.text) + "; it must be a multiple of " +
                     duration_text(step_us));
    return false;
  }
  *out_us = read.value;
  return true;
}

bool KeyReader::size(std::string_view key, const ConfigValue& value, uint64_t least, uint64_t most,
                     uint64_t* out) {
  if (value.kind != ConfigValue::Kind::kString) {
    wrong_type(key, value, "a size with its unit such as \"4MiB\"");
    return false;
  }
  const Quantity read = parse_size_bytes(value.text);
  if (!read.error.empty()) {
    error(value, key_error(key, read.error));
    return false;
  }
  if (read.value < least || read.value > most) {
    error(value, range_error(key, value.text, size_text(least), size_text(most)));
    return false;
  }
  *out = read.value;
  return true;
}

bool KeyReader::rate(std::string_view key, const ConfigValue& value, uint64_t* out_millihertz) {
  if (value.kind != ConfigValue::Kind::kString) {
    wrong_type(key, value, "a rate with its unit such as \"100Hz\"");
    return false;
  }
  const Quantity read = parse_rate_millihertz(value.text);
  if (!read.error.empty() || read.value == 0) {
    error(value, read.error.empty() ? join(key, " is 0; a rate is at least 0.001Hz")
                                    : key_error(key, read.error));
    return false;
  }
  *out_millihertz = read.value;
  return true;
}

bool KeyReader::percent(std::string_view key, const ConfigValue& value, uint64_t most_hundredths,
                        uint64_t* out_hundredths) {
  if (value.kind != ConfigValue::Kind::kString) {
    wrong_type(key, value, "a percentage such as \"5%\"");
    return false;
  }
  const Quantity read = parse_percent_hundredths(value.text);
  if (!read.error.empty()) {
    error(value, key_error(key, read.error));
    return false;
  }
  if (read.value == 0 || read.value > most_hundredths) {
    error(value,
          range_error(key, value.text, "0.01%", std::to_string(most_hundredths / 100) + "%"));
    return false;
  }
  *out_hundredths = read.value;
  return true;
}

}  // namespace sdr
