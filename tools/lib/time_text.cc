#include "tools/lib/time_text.h"

#include <time.h>

#include <cstdio>

#include "relay/format/segment_name.h"

namespace sdr {

std::string time_text(int64_t time_us, bool utc) {
  char text[kIsoTimeBytes + 1];
  put_iso_time(time_us, text);
  if (utc) return text;
  const time_t seconds = time_us / 1000000;
  tm local;
  if (!localtime_r(&seconds, &local)) return text;
  char day[32], zone[16], all[80];
  strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &local);
  strftime(zone, sizeof zone, "%z", &local);
  snprintf(all, sizeof all, "%s.%06d%s", day, static_cast<int>(time_us % 1000000), zone);
  return all;
}

}  // namespace sdr
