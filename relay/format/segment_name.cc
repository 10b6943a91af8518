#include "relay/format/segment_name.h"

#include <string.h>

namespace sdr {
namespace {

constexpr int64_t kDayUs = 86400ll * 1000000;

struct Date {
  int64_t year;
  int64_t month;  // 1 to 12
  int64_t day;    // 1 to 31
};

// Days since 1970-01-01 ↔ date, after Howard Hinnant's "chrono-compatible low-level date
// algorithms".
int64_t days_of(const Date& date) {
  const int64_t y = date.year - (date.month <= 2);
  const int64_t era = y / 400;
  const int64_t yoe = y - era * 400;
  const int64_t doy = (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
  return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

Date date_of(int64_t days) {
  days += 719468;
  const int64_t era = days / 146097;
  const int64_t doe = days - era * 146097;
  const int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const int64_t mp = (5 * doy + 2) / 153;
  const int64_t month = mp < 10 ? mp + 3 : mp - 9;
  return {yoe + era * 400 + (month <= 2), month, doy - (153 * mp + 2) / 5 + 1};
}

char* put_digits(char* out, int64_t value, int digits) {
  for (int i = digits - 1; i >= 0; --i, value /= 10) out[i] = static_cast<char>('0' + value % 10);
  return out + digits;
}

// Fills `pattern`, in which Y M D h m s f stand for digits of that part, and ends it with a NUL.
size_t put_pattern(const char* pattern, int64_t time_us, char* out) {
  const Date date = date_of(time_us / kDayUs);
  const int64_t in_day = time_us % kDayUs;
  char* at = out;
  for (const char* p = pattern; *p; ++p) {
    switch (*p) {
      case 'Y':
        at = put_digits(at, date.year, 4);
        break;
      case 'M':
        at = put_digits(at, date.month, 2);
        break;
      case 'D':
        at = put_digits(at, date.day, 2);
        break;
      case 'h':
        at = put_digits(at, in_day / 3600000000, 2);
        break;
      case 'm':
        at = put_digits(at, in_day / 60000000 % 60, 2);
        break;
      case 's':
        at = put_digits(at, in_day / 1000000 % 60, 2);
        break;
      case 'f':
        at = put_digits(at, in_day % 1000000, 6);
        break;
      default:
        *at++ = *p;
        break;
    }
  }
  *at = '\0';
  return static_cast<size_t>(at - out);
}

// Reads what put_pattern writes; only the exact form of a real date and time is taken.
int64_t parse_pattern(const char* pattern, std::string_view text) {
  int64_t part[128] = {};
  size_t at = 0;
  for (const char* p = pattern; *p; ++p) {
    const int digits = *p == 'Y' ? 4 : *p == 'f' ? 6 : strchr("MDhms", *p) ? 2 : 0;
    if (at + static_cast<size_t>(digits ? digits : 1) > text.size()) return -1;
    if (digits == 0 && text[at++] != *p) return -1;
    for (int i = 0; i < digits; ++i, ++at) {
      if (text[at] < '0' || text[at] > '9') return -1;
      int64_t& value = part[static_cast<unsigned char>(*p)];
      value = value * 10 + (text[at] - '0');
    }
  }
  if (at != text.size()) return -1;
  auto value_of = [&](char letter) { return part[static_cast<unsigned char>(letter)]; };
  const Date date = {value_of('Y'), value_of('M'), value_of('D')};
  if (date.year < 1970 || date.month < 1 || date.month > 12 || date.day < 1) return -1;
  const Date again = date_of(days_of(date));
  if (again.day != date.day || again.month != date.month) return -1;
  if (value_of('h') > 23 || value_of('m') > 59 || value_of('s') > 59) return -1;
  const int64_t seconds = (value_of('h') * 60 + value_of('m')) * 60 + value_of('s');
  return days_of(date) * kDayUs + seconds * 1000000 + value_of('f');
}

constexpr const char* kStampPattern = "YMDThms.fZ";
constexpr const char* kDatePattern = "Y-M-D";
constexpr const char* kIsoPattern = "Y-M-DTh:m:s.fZ";

}  // namespace

size_t put_stamp(int64_t time_us, char out[kStampBytes + 1]) {
  return put_pattern(kStampPattern, time_us, out);
}
size_t put_date_dir(int64_t time_us, char out[kDateDirBytes + 1]) {
  memcpy(out, "date=", 5);
  return 5 + put_pattern(kDatePattern, time_us, out + 5);
}
size_t put_iso_time(int64_t time_us, char out[kIsoTimeBytes + 1]) {
  return put_pattern(kIsoPattern, time_us, out);
}

size_t put_segment_name(std::string_view channel, int64_t time_us, char out[kSegmentNameBytesMax]) {
  if (channel.size() > kChannelNameBytesMax) channel = {channel.data(), kChannelNameBytesMax};
  memcpy(out, channel.data(), channel.size());
  char* at = out + channel.size();
  *at++ = '_';
  at += put_stamp(time_us, at);
  memcpy(at, ".avro", 6);
  return static_cast<size_t>(at - out) + 5;
}

size_t put_index_name(std::string_view channel, int64_t time_us, char out[kIndexNameBytesMax]) {
  const size_t size = put_segment_name(channel, time_us, out) - 5;
  memcpy(out + size, ".index", 7);
  return size + 6;
}

int64_t parse_segment_name(std::string_view channel, std::string_view name) {
  const size_t size = channel.size() + 1 + kStampBytes + 5;
  if (name.size() != size || !name.starts_with(channel) || name[channel.size()] != '_' ||
      !name.ends_with(".avro"))
    return -1;
  return parse_pattern(kStampPattern, {name.data() + channel.size() + 1, kStampBytes});
}

int64_t parse_date_dir(std::string_view name) {
  if (!name.starts_with("date=")) return -1;
  return parse_pattern(kDatePattern, {name.data() + 5, name.size() - 5});
}

int64_t parse_stamp(std::string_view text) { return parse_pattern(kStampPattern, text); }

int64_t parse_iso_time(std::string_view text) { return parse_pattern(kIsoPattern, text); }

bool is_channel_name(std::string_view name) {
  if (name.empty() || name.size() > kChannelNameBytesMax) return false;
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool first = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!first && (i == 0 || (c != '_' && c != '-'))) return false;
  }
  return true;
}

}  // namespace sdr
