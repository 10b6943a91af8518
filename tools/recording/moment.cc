#include "tools/recording/moment.h"

#include <time.h>

#include <cctype>
#include <charconv>

#include "relay/format/segment_name.h"

namespace sdr::recording {
namespace {

constexpr int64_t kSecondUs = 1000000;
constexpr int64_t kSpanUsMax = 10000ll * 366 * 86400 * kSecondUs;
constexpr size_t kFractionDigits = 6;

struct Unit {
  std::string_view name;
  int64_t us;
};
constexpr Unit kUnits[] = {
    {"us", 1},
    {"usec", 1},
    {"ms", 1000},
    {"msec", 1000},
    {"s", kSecondUs},
    {"sec", kSecondUs},
    {"second", kSecondUs},
    {"seconds", kSecondUs},
    {"m", 60 * kSecondUs},
    {"min", 60 * kSecondUs},
    {"minute", 60 * kSecondUs},
    {"minutes", 60 * kSecondUs},
    {"h", 3600 * kSecondUs},
    {"hr", 3600 * kSecondUs},
    {"hour", 3600 * kSecondUs},
    {"hours", 3600 * kSecondUs},
    {"d", 86400 * kSecondUs},
    {"day", 86400 * kSecondUs},
    {"days", 86400 * kSecondUs},
    {"w", 7 * 86400 * kSecondUs},
    {"week", 7 * 86400 * kSecondUs},
    {"weeks", 7 * 86400 * kSecondUs},
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// What is left of a text. Each take leaves it as it is where there is none of what is wanted.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool is_done() const { return rest_.empty(); }
  char front() const { return rest_.empty() ? '\0' : rest_[0]; }
  bool is_at(std::string_view text) const { return rest_.starts_with(text); }
  bool take(std::string_view text) {
    if (!is_at(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  void skip_spaces() {
    while (take(" ")) {
    }
  }
  // Exactly `count` digits.
  bool take_digits(size_t count, int* value) {
    if (rest_.size() < count) return false;
    *value = 0;
    for (size_t i = 0; i < count; ++i) {
      if (!is_digit(rest_[i])) return false;
      *value = *value * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(count);
    return true;
  }
  bool take_number(int64_t* value) {
    const std::from_chars_result read =
        std::from_chars(rest_.data(), rest_.data() + rest_.size(), *value);
    if (!is_digit(front()) || read.ec != std::errc()) return false;
    rest_.remove_prefix(static_cast<size_t>(read.ptr - rest_.data()));
    return true;
  }
  // Digits behind a point, in microseconds, up.
  bool take_fraction(int64_t* us) {
    *us = 0;
    int64_t more = 0;
    size_t digits = 0;
    for (; digits < rest_.size() && is_digit(rest_[digits]); ++digits) {
      if (digits < kFractionDigits) *us = *us * 10 + (rest_[digits] - '0');
      if (digits >= kFractionDigits && rest_[digits] != '0') more = 1;
    }
    for (size_t i = digits; i < kFractionDigits; ++i) *us *= 10;
    *us += more;
    rest_.remove_prefix(digits);
    return digits > 0;
  }
  std::string_view take_word() {
    size_t size = 0;
    while (size < rest_.size() && isalpha(static_cast<unsigned char>(rest_[size]))) ++size;
    const std::string_view word = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return word;
  }

 private:
  std::string_view rest_;
};

tm local_day(int64_t now_us, int days) {
  const time_t now = static_cast<time_t>(now_us / kSecondUs);
  tm day = {};
  localtime_r(&now, &day);
  day.tm_hour = day.tm_min = day.tm_sec = 0;
  day.tm_mday += days;
  day.tm_isdst = -1;
  return day;
}

int64_t us_of_local(tm parts) { return static_cast<int64_t>(mktime(&parts)) * kSecondUs; }

// "1h 30min", all of what is left.
std::optional<int64_t> take_spans(Scanner* text) {
  int64_t sum_us = 0;
  do {
    int64_t number;
    int64_t part_us = 0;
    if (!text->take_number(&number)) return {};
    if (text->take(".") && !text->take_fraction(&part_us)) return {};
    text->skip_spaces();
    const std::string_view word = text->take_word();
    const Unit* unit = nullptr;
    for (const Unit& one : kUnits) {
      if (one.name == word) unit = &one;
    }
    if (!unit || number > kSpanUsMax / unit->us) return {};
    sum_us += number * unit->us + part_us * unit->us / kSecondUs;
    if (sum_us > kSpanUsMax) return {};
    text->skip_spaces();
  } while (!text->is_done());
  return sum_us;
}

// "Z", "+01:00": how far its clock is ahead of UTC.
bool take_zone(Scanner* text, int64_t* ahead_us) {
  *ahead_us = 0;
  if (text->take("Z") || text->take("z") || text->take(" UTC") || text->take("UTC")) return true;
  const bool behind = text->front() == '-';
  if (!text->take("+") && !text->take("-")) return false;
  int hours = 0;
  int minutes = 0;
  if (!text->take_digits(2, &hours)) return false;
  if (text->take(":") ? !text->take_digits(2, &minutes)
                      : !text->is_done() && !text->take_digits(2, &minutes))
    return false;
  if (hours > 23 || minutes > 59) return false;
  *ahead_us = (hours * 60 + minutes) * 60 * kSecondUs * (behind ? -1 : 1);
  return true;
}

// "20:15", "20:15:00.5".
bool take_time_of_day(Scanner* text, tm* parts, int64_t* fraction_us) {
  if (!text->take_digits(2, &parts->tm_hour) || !text->take(":") ||
      !text->take_digits(2, &parts->tm_min))
    return false;
  if (text->take(":")) {
    if (!text->take_digits(2, &parts->tm_sec)) return false;
    if (text->take(".") && !text->take_fraction(fraction_us)) return false;
  }
  return parts->tm_hour < 24 && parts->tm_min < 60 && parts->tm_sec < 60;
}

bool take_date(Scanner* text, tm* parts) {
  int year;
  int month;
  if (!text->take_digits(4, &year) || !text->take("-") || !text->take_digits(2, &month) ||
      !text->take("-") || !text->take_digits(2, &parts->tm_mday))
    return false;
  parts->tm_year = year - 1900;
  parts->tm_mon = month - 1;
  tm same = *parts;
  return year >= 1970 && month >= 1 && month <= 12 && timegm(&same) != -1 &&
         same.tm_mday == parts->tm_mday && same.tm_mon == parts->tm_mon;
}

std::optional<int64_t> parse_calendar(std::string_view words, int64_t now_us) {
  Scanner text(words);
  tm parts = {};
  int64_t fraction_us = 0;
  if (words.size() > 2 && words[2] == ':') {
    parts = local_day(now_us, 0);
    if (!take_time_of_day(&text, &parts, &fraction_us)) return {};
  } else {
    if (!take_date(&text, &parts)) return {};
    if (text.take("T") || text.take("t") || (!text.is_at(" UTC") && text.take(" "))) {
      if (!take_time_of_day(&text, &parts, &fraction_us)) return {};
    }
  }
  parts.tm_isdst = -1;
  if (text.is_done()) return us_of_local(parts) + fraction_us;
  int64_t ahead_us;
  if (!take_zone(&text, &ahead_us) || !text.is_done()) return {};
  return static_cast<int64_t>(timegm(&parts)) * kSecondUs + fraction_us - ahead_us;
}

std::optional<int64_t> parse_relative(std::string_view words, int64_t now_us) {
  constexpr std::string_view kAgo = " ago";
  const bool ago = words.ends_with(kAgo);
  if (ago) words.remove_suffix(kAgo.size());
  Scanner text(words);
  const bool back = text.take("-");
  const bool is_signed = back || text.take("+");
  if (is_signed == ago) return {};
  text.skip_spaces();
  const std::optional<int64_t> span_us = take_spans(&text);
  if (!span_us) return {};
  return back || ago ? now_us - *span_us : now_us + *span_us;
}

std::optional<int64_t> parse_epoch(std::string_view words) {
  Scanner text(words);
  int64_t seconds;
  int64_t fraction_us = 0;
  if (!text.take("@") || !text.take_number(&seconds)) return {};
  if (text.take(".") && !text.take_fraction(&fraction_us)) return {};
  if (!text.is_done() || seconds > kSpanUsMax / kSecondUs) return {};
  return seconds * kSecondUs + fraction_us;
}

}  // namespace

std::optional<int64_t> parse_moment(std::string_view text, int64_t now_us) {
  if (text == "now") return now_us;
  if (text == "today") return us_of_local(local_day(now_us, 0));
  if (text == "yesterday") return us_of_local(local_day(now_us, -1));
  if (text == "tomorrow") return us_of_local(local_day(now_us, 1));
  if (const int64_t stamp_us = parse_stamp(text); stamp_us >= 0) return stamp_us;
  if (const std::optional<int64_t> found = parse_epoch(text)) return found;
  if (const std::optional<int64_t> found = parse_relative(text, now_us)) return found;
  return parse_calendar(text, now_us);
}

}  // namespace sdr::recording
