#include <doctest/doctest.h>
#include <stdlib.h>
#include <time.h>

#include "tools/recording/moment.h"

using sdr::recording::parse_moment;
using sdr::recording::TimeRange;

namespace {

constexpr int64_t kSecond = 1000000;
constexpr int64_t kNow = 1795378500 * kSecond;  // 2026-11-22T20:15:00Z

struct Zone {
  explicit Zone(const char* name) {
    setenv("TZ", name, 1);
    tzset();
  }
  ~Zone() {
    unsetenv("TZ");
    tzset();
  }
};

int64_t at(const char* text) { return parse_moment(text, kNow).value_or(-1); }

}  // namespace

TEST_CASE("cat: moments with a zone") {
  const Zone zone("EST5");
  for (const char* text :
       {"2026-11-22T20:15:00Z", "2026-11-22 20:15:00Z", "2026-11-22t20:15z", "2026-11-22T20:15UTC",
        "2026-11-22 20:15:00 UTC", "2026-11-22T21:15:00+01:00", "2026-11-22T21:15:00+0100",
        "2026-11-22T21:15+01", "2026-11-22T15:45:00-0430", "20261122T201500.000000Z", "@1795378500",
        "@1795378500.0", "now", "2026-11-22T20:15:00.000Z", "2026-11-22T15:15", "15:15"}) {
    CAPTURE(text);
    CHECK(at(text) == kNow);
  }
  CHECK(at("2026-11-22Z") == kNow - (20 * 60 + 15) * 60 * kSecond);
  CHECK(at("2026-11-22 UTC") == at("2026-11-22Z"));
  CHECK(at("1970-01-01Z") == 0);
  CHECK(at("9999-12-31T23:59:59.999999Z") == 253402300799999999);
}

TEST_CASE("cat: moments without a zone are local") {
  const Zone zone("CET-1CEST,M3.5.0,M10.5.0/3");
  CHECK(at("2026-11-22T21:15") == kNow);
  CHECK(at("2026-11-22") == kNow - (21 * 60 + 15) * 60 * kSecond);
  CHECK(at("today") == at("2026-11-22"));
  CHECK(at("yesterday") == at("2026-11-21"));
  CHECK(at("tomorrow") == at("2026-11-23"));
  CHECK(at("21:15:00.25") == kNow + kSecond / 4);
  CHECK(at("2026-07-01T00:00") == at("2026-06-30T22:00Z"));
  CHECK(at("2026-12-01T00:00") == at("2026-11-30T23:00Z"));
}

TEST_CASE("cat: moments from now") {
  CHECK(at("-1h") == kNow - 3600 * kSecond);
  CHECK(at("+90s") == kNow + 90 * kSecond);
  CHECK(at("-1h30min") == kNow - 5400 * kSecond);
  CHECK(at("-1h 30 min") == kNow - 5400 * kSecond);
  CHECK(at("-1.5h") == kNow - 5400 * kSecond);
  CHECK(at("2 days ago") == kNow - 2 * 86400 * kSecond);
  CHECK(at("1w 1d ago") == kNow - 8 * 86400 * kSecond);
  CHECK(at("-250ms") == kNow - 250000);
  CHECK(at("-7us") == kNow - 7);
}

TEST_CASE("cat: what is finer than a microsecond is rounded up") {
  CHECK(at("2026-11-22T20:15:00.1234560Z") == kNow + 123456);
  CHECK(at("2026-11-22T20:15:00.1234561Z") == kNow + 123457);
  CHECK(at("2026-11-22T20:15:00.9999999Z") == kNow + kSecond);
  CHECK(at("@1795378500.0000001") == kNow + 1);
}

TEST_CASE("cat: what is no moment") {
  for (const char* text : {"",
                           " ",
                           "soon",
                           "2026",
                           "2026-11",
                           "2026-13-01",
                           "2026-02-29",
                           "2026-11-31",
                           "2026-00-01",
                           "2026-11-00",
                           "1969-12-31",
                           "2026-11-22T",
                           "2026-11-22T24:00",
                           "2026-11-22T20:60",
                           "2026-11-22T20:15:60",
                           "2026-11-22T20:15:00.",
                           "2026-11-22T20:15:00+",
                           "2026-11-22X",
                           "2026-11-22T20:15:00+1",
                           "2026-11-22T20:15:00+25:00",
                           "2026-11-22T20:15:00Z ",
                           "20:1",
                           "1h",
                           "-",
                           "-1",
                           "-h",
                           "-1x",
                           "-1h ago",
                           "ago",
                           "1h 2 ago",
                           "@",
                           "@x",
                           "@1x",
                           "-1h30",
                           "@99999999999999999999",
                           "-99999999999999h",
                           "12026-11-22",
                           "+-1h",
                           "2026-11-22 20"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_moment(text, kNow));
  }
}

TEST_CASE("cat: a range begins with its first moment and ends before its last") {
  const TimeRange range = {10, 20};
  CHECK(range.meets(10, 10));
  CHECK(range.meets(0, 10));
  CHECK(range.meets(19, 30));
  CHECK_FALSE(range.meets(0, 9));
  CHECK_FALSE(range.meets(20, 30));
  CHECK(TimeRange().is_all());
  CHECK_FALSE(range.is_all());
}
