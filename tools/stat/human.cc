#include "tools/stat/human.h"

#include <algorithm>
#include <cstdio>

#include "tools/lib/int128.h"

namespace sdr::status {
namespace {

// Three digits of `count` times `unit`.
std::string scaled(uint64_t count, uint64_t unit, const char* name) {
  const auto whole = static_cast<unsigned>(count / unit);
  const auto thousandths = static_cast<unsigned>(static_cast<Int128>(count % unit) * 1000 / unit);
  char text[32];
  if (whole >= 100) {
    snprintf(text, sizeof text, "%u%s", whole, name);
  } else if (whole >= 10) {
    snprintf(text, sizeof text, "%u.%u%s", whole, thousandths / 100, name);
  } else {
    snprintf(text, sizeof text, "%u.%02u%s", whole, thousandths / 10, name);
  }
  return text;
}

constexpr size_t kUnits = 6;

std::string with_unit(uint64_t count, uint64_t step, const char* const (&names)[kUnits]) {
  uint64_t unit = step;
  size_t name = 0;
  while (name + 1 < kUnits && count / unit >= step) {
    unit *= step;
    ++name;
  }
  return scaled(count, unit, names[name]);
}

// Two numbers, the lesser with two digits: "12m05s".
std::string pair(uint64_t large, char large_unit, uint64_t small, char small_unit) {
  char text[64];
  snprintf(text, sizeof text, "%llu%c%02llu%c", static_cast<unsigned long long>(large), large_unit,
           static_cast<unsigned long long>(small), small_unit);
  return text;
}

}  // namespace

std::string count_text(uint64_t count) {
  if (count < 100'000) return std::to_string(count);
  return with_unit(count, 1000, {"k", "M", "G", "T", "P", "E"});
}

std::string grouped_text(uint64_t count) {
  std::string text = std::to_string(count);
  for (size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, 1, ',');
  return text;
}

std::string bytes_text(uint64_t bytes) {
  if (bytes < 1000) return std::to_string(bytes) + " B";
  return with_unit(bytes, 1000, {" kB", " MB", " GB", " TB", " PB", " EB"});
}

std::string binary_bytes_text(uint64_t bytes) {
  if (bytes < 1024) return std::to_string(bytes) + " B";
  return with_unit(bytes, 1024, {" KiB", " MiB", " GiB", " TiB", " PiB", " EiB"});
}

std::string rate_text(double per_second) {
  if (!(per_second > 0)) return "0";
  if (per_second < 0.1) return "<0.1";
  if (per_second < 9.95) {
    char text[8];
    snprintf(text, sizeof text, "%.1f", per_second);
    return text;
  }
  return count_text(per_second < 1e18 ? static_cast<uint64_t>(per_second + 0.5) : UINT64_MAX);
}

std::string latency_text(uint64_t nanoseconds) {
  static constexpr const char* kUnits[] = {"ns", "us", "ms", "s"};
  uint64_t unit = 1;
  size_t name = 0;
  while (name < 3 && nanoseconds / unit >= 1000) {
    unit *= 1000;
    ++name;
  }
  std::string text = std::to_string(nanoseconds / unit);
  if (name > 0 && text.size() == 1) text += "." + std::to_string(nanoseconds % unit / (unit / 10));
  if (text.size() > 4) return ">1h";
  return text + kUnits[name];
}

std::string duration_text(uint64_t seconds) {
  if (seconds < 60) return std::to_string(seconds) + "s";
  if (seconds < 3600) return pair(seconds / 60, 'm', seconds % 60, 's');
  if (seconds < 86400) return pair(seconds / 3600, 'h', seconds / 60 % 60, 'm');
  const uint64_t days = seconds / 86400;
  if (days < 100) return pair(days, 'd', seconds / 3600 % 24, 'h');
  return days < 100'000 ? std::to_string(days) + "d" : ">270y";
}

std::vector<std::string> folded(const std::string& text, size_t width, size_t indent) {
  std::vector<std::string> lines(1);
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    const bool is_first = lines.back().size() <= (lines.size() > 1 ? indent : 0);
    if (!is_first && lines.back().size() + 1 + word.size() > width) {
      lines.push_back(std::string(indent, ' ') + word);
    } else {
      lines.back() += (is_first ? "" : " ") + word;
    }
    at = end + 1;
  }
  return lines;
}

std::string listed(const std::vector<std::string>& names, size_t named_max) {
  const size_t named = std::min(names.size(), named_max);
  std::string text;
  for (size_t i = 0; i < named; ++i) text += (i > 0 ? ", " : "") + names[i];
  return names.size() > named ? text + " and " + std::to_string(names.size() - named) + " more"
                              : text;
}

}  // namespace sdr::status
