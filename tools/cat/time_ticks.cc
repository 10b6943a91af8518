// Ticks at round times of day. Steps of hours and more are counted from midnight, as the clocks go
// that day; shorter ones divide what clocks are set forward and back by.
#include <time.h>

#include <algorithm>
#include <cstdio>

#include "tools/cat/ticks.h"

namespace sdr::cat {
namespace {

constexpr int64_t kSecond = 1000000000;
constexpr int64_t kMinute = 60 * kSecond;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;
constexpr int64_t kLongSpan = 300 * kDay;  // then days have their year
constexpr int64_t kLabelSpace = 3;         // columns at least between labels

int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

class Calendar {
 public:
  explicit Calendar(bool utc) : utc_(utc) {}

  tm day_and_time(int64_t time_ns) const {
    const time_t seconds = floor_div(time_ns, kSecond);
    tm parts = {};
    utc_ ? gmtime_r(&seconds, &parts) : localtime_r(&seconds, &parts);
    return parts;
  }

  int64_t time_ns(int year, int month, int day, int hour) const {
    tm parts = {};
    parts.tm_year = year;
    parts.tm_mon = month;
    parts.tm_mday = day;
    parts.tm_hour = hour;
    parts.tm_isdst = -1;
    return int64_t{utc_ ? timegm(&parts) : mktime(&parts)} * kSecond;
  }

 private:
  bool utc_;
};

std::vector<int64_t> all_steps() {
  std::vector<int64_t> steps;
  for (int64_t power = 1; power < kSecond; power *= 10)
    for (const int64_t times : {1, 2, 5}) steps.push_back(times * power);
  for (const int64_t unit : {kSecond, kMinute})
    for (const int64_t times : {1, 2, 5, 10, 15, 30}) steps.push_back(times * unit);
  for (const int64_t times : {1, 2, 3, 6, 12}) steps.push_back(times * kHour);
  for (int64_t power = 1; power <= 10000; power *= 10)
    for (const int64_t times : {1, 2, 5}) steps.push_back(times * power * kDay);
  return steps;
}

int decimals_of(int64_t step) {
  int decimals = 0;
  for (int64_t part = kSecond; step % part != 0; part /= 10) ++decimals;
  return step >= kSecond ? 0 : decimals;
}

std::string label_of(int64_t time_ns, int64_t step, bool has_days, bool has_years,
                     const Calendar& calendar) {
  const tm parts = calendar.day_and_time(time_ns);
  char text[80];
  const bool is_midnight = parts.tm_hour == 0 && parts.tm_min == 0 && parts.tm_sec == 0 &&
                           floor_div(time_ns, kSecond) * kSecond == time_ns;
  if (step >= kDay || (has_days && is_midnight)) {
    strftime(text, sizeof text, has_years ? "%Y-%m-%d" : "%m-%d", &parts);
    return text;
  }
  strftime(text, sizeof text, step < kMinute ? "%H:%M:%S" : "%H:%M", &parts);
  std::string label = text;
  const int decimals = decimals_of(step);
  if (decimals == 0) return label;
  snprintf(text, sizeof text, ".%09d",
           static_cast<int>(time_ns - floor_div(time_ns, kSecond) * kSecond));
  return label.append(text, static_cast<size_t>(decimals) + 1);
}

void add_short_steps(int64_t low, int64_t high, int64_t step, const Calendar& calendar,
                     std::vector<int64_t>* found) {
  const int64_t shift = int64_t{calendar.day_and_time(low).tm_gmtoff} * kSecond;
  int64_t at = floor_div(low + shift, step) * step - shift;
  if (at < low) at += step;
  for (; at <= high; at += step) found->push_back(at);
}

void add_hours(int64_t low, int64_t high, int64_t step, const Calendar& calendar,
               std::vector<int64_t>* found) {
  const tm begin = calendar.day_and_time(low);
  for (int day = 0; int64_t{day} * kDay <= high - low + 2 * kDay; ++day) {
    for (int hour = 0; hour < 24; hour += static_cast<int>(step / kHour)) {
      const int64_t at = calendar.time_ns(begin.tm_year, begin.tm_mon, begin.tm_mday + day, hour);
      // An hour that the clocks skip is another one's, too.
      if (at >= low && at <= high && (found->empty() || found->back() < at)) found->push_back(at);
    }
  }
}

void add_days(int64_t low, int64_t high, int64_t step, const Calendar& calendar,
              std::vector<int64_t>* found) {
  const int64_t days = step / kDay;
  const Calendar date(true);
  for (int64_t day = floor_div(floor_div(low, kDay) - 1, days) * days; day * kDay <= high + kDay;
       day += days) {
    const tm parts = date.day_and_time(day * kDay);
    const int64_t at = calendar.time_ns(parts.tm_year, parts.tm_mon, parts.tm_mday, 0);
    if (at >= low && at <= high) found->push_back(at);
  }
}

}  // namespace

std::vector<Tick> time_ticks(int64_t low_ns, int64_t high_ns, size_t columns, bool utc) {
  const Calendar calendar(utc);
  const int64_t span = high_ns - low_ns;
  const bool has_days = span >= kDay;
  const bool has_years = span >= kLongSpan;
  for (const int64_t step : all_steps()) {
    const size_t width = label_of(low_ns + 1, step, has_days, has_years, calendar).size();
    const int64_t room =
        static_cast<int64_t>(columns) / (static_cast<int64_t>(width) + kLabelSpace);
    if (span / step > std::max<int64_t>(room, 1)) continue;
    std::vector<int64_t> times;
    if (step < kHour)
      add_short_steps(low_ns, high_ns, step, calendar, &times);
    else
      step < kDay ? add_hours(low_ns, high_ns, step, calendar, &times)
                  : add_days(low_ns, high_ns, step, calendar, &times);
    std::vector<Tick> found;
    for (const int64_t at : times)
      found.push_back(
          {static_cast<long double>(at), label_of(at, step, has_days, has_years, calendar)});
    return found;
  }
  return {};
}

}  // namespace sdr::cat
