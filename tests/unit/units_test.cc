#include "tools/config/units.h"

#include <doctest/doctest.h>

using sdr::parse_duration_us;
using sdr::parse_percent_hundredths;
using sdr::parse_rate_millihertz;
using sdr::parse_size_bytes;
using sdr::Quantity;

namespace {

uint64_t good(const Quantity& q) {
  CHECK_MESSAGE(q.error.empty(), q.error);
  return q.value;
}

bool says(const Quantity& q, const char* part) {
  INFO(q.error);
  const bool found = q.error.find(part) != std::string::npos;
  CHECK(found);
  return found;
}

}  // namespace

TEST_CASE("durations") {
  CHECK(good(parse_duration_us("0us")) == 0);
  CHECK(good(parse_duration_us("0s")) == 0);
  CHECK(good(parse_duration_us("1us")) == 1);
  CHECK(good(parse_duration_us("100us")) == 100);
  CHECK(good(parse_duration_us("500ms")) == 500000);
  CHECK(good(parse_duration_us("5s")) == 5000000);
  CHECK(good(parse_duration_us("05s")) == 5000000);
  CHECK(good(parse_duration_us("10min")) == 600000000);
  CHECK(good(parse_duration_us("10m")) == 600000000);
  CHECK(good(parse_duration_us("1h")) == 3600000000);
  CHECK(good(parse_duration_us("7d")) == 7ull * 86400 * 1000000);
  CHECK(good(parse_duration_us("36500d")) == 36500ull * 86400 * 1000000);
  says(parse_duration_us("36501d"), "too large");
  says(parse_duration_us("3153600000000001ms"), "too large");
  says(parse_duration_us("18446744073709551616us"), "too large");
  says(parse_duration_us("99999999999999999999999999999h"), "too large");
}

TEST_CASE("what is not a duration") {
  says(parse_duration_us(""), "is not a duration; write it like \"5s\"");
  says(parse_duration_us("s"), "is not a duration");
  says(parse_duration_us("-5s"), "is not a duration");
  says(parse_duration_us("+5s"), "is not a duration");
  says(parse_duration_us(" 5s"), "is not a duration");
  says(parse_duration_us(".5s"), "is not a duration");
  says(parse_duration_us("5"), "has no unit");
  says(parse_duration_us("5 s"), "has a space");
  says(parse_duration_us("5s "), "unknown unit");
  says(parse_duration_us("0.5s"), "smaller unit");
  says(parse_duration_us("5x"), "use us, ms, s, min, h or d");
  says(parse_duration_us("5S"), "did you mean \"5s\"");
  says(parse_duration_us("5mn"), "did you mean");
  says(parse_duration_us("5s5s"), "unknown unit");
  says(parse_duration_us(std::string_view("5s\0", 3)), "unknown unit 's\\x00'");
}

TEST_CASE("sizes") {
  CHECK(good(parse_size_bytes("0B")) == 0);
  CHECK(good(parse_size_bytes("1B")) == 1);
  CHECK(good(parse_size_bytes("4KiB")) == 4096);
  CHECK(good(parse_size_bytes("4MiB")) == 4u << 20);
  CHECK(good(parse_size_bytes("1GiB")) == 1u << 30);
  CHECK(good(parse_size_bytes("2TiB")) == 2ull << 40);
  CHECK(good(parse_size_bytes("10kB")) == 10000);
  CHECK(good(parse_size_bytes("10KB")) == 10000);
  CHECK(good(parse_size_bytes("10MB")) == 10000000);
  CHECK(good(parse_size_bytes("10GB")) == 10000000000);
  CHECK(good(parse_size_bytes("1048576TiB")) == 1ull << 60);
  says(parse_size_bytes("1048577TiB"), "too large");
  says(parse_size_bytes("4"), "has no unit");
  says(parse_size_bytes("4M"), "did you mean \"4MB\"");
  says(parse_size_bytes("4mib"), "did you mean \"4MiB\"");
  says(parse_size_bytes("4 MiB"), "has a space");
  says(parse_size_bytes("1.5GiB"), "smaller unit");
  says(parse_size_bytes("MiB"), "is not a size");
}

TEST_CASE("rates and percentages") {
  CHECK(good(parse_rate_millihertz("100Hz")) == 100000);
  CHECK(good(parse_rate_millihertz("0.5Hz")) == 500);
  CHECK(good(parse_rate_millihertz("0.001Hz")) == 1);
  CHECK(good(parse_rate_millihertz("1.25kHz")) == 1250000);
  CHECK(good(parse_rate_millihertz("1000kHz")) == 1000000000);
  says(parse_rate_millihertz("1001kHz"), "too large");
  says(parse_rate_millihertz("0.0001Hz"), "leave out some decimals");
  says(parse_rate_millihertz("100"), "has no unit");
  says(parse_rate_millihertz("100hz"), "did you mean \"100Hz\"");
  says(parse_rate_millihertz("1.Hz"), "finer");
  CHECK(good(parse_percent_hundredths("5%")) == 500);
  CHECK(good(parse_percent_hundredths("0.25%")) == 25);
  CHECK(good(parse_percent_hundredths("150%")) == 15000);
  says(parse_percent_hundredths("5"), "has no unit");
  says(parse_percent_hundredths("%"), "is not a percentage");
}

TEST_CASE("a value is spelled in its largest exact unit") {
  CHECK(sdr::duration_text(0) == "0us");
  CHECK(sdr::duration_text(1500) == "1500us");
  CHECK(sdr::duration_text(1500000) == "1500ms");
  CHECK(sdr::duration_text(60000000) == "1min");
  CHECK(sdr::duration_text(366ull * 86400 * 1000000) == "366d");
  CHECK(sdr::size_text(0) == "0B");
  CHECK(sdr::size_text(65536) == "64KiB");
  CHECK(sdr::size_text((1u << 20) + 1) == "1048577B");
}
