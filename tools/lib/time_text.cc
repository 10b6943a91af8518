#include "tools/lib/time_text.h"

#include <time.h>

#include <cstdio>

namespace sdr {

std::string time_text(int64_t time_us, bool utc) {
  // Rounded down: before the epoch, too, a fraction goes on from a second.
  const int64_t fraction_us = (time_us % 1000000 + 1000000) % 1000000;
  const time_t seconds = (time_us - fraction_us) / 1000000;
  tm parts;
  if (!(utc ? gmtime_r(&seconds, &parts) : localtime_r(&seconds, &parts)))
    return std::to_string(time_us);
  char zone[16] = "Z", text[128];
  if (!utc) strftime(zone, sizeof zone, "%z", &parts);
  snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%06d%s", parts.tm_year + 1900,
           parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
           static_cast<int>(fraction_us), zone);
  return text;
}

}  // namespace sdr
