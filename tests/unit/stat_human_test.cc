#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "tools/stat/human.h"

using namespace sdr::status;

TEST_CASE("stat: counts") {
  CHECK(count_text(0) == "0");
  CHECK(count_text(99999) == "99999");
  CHECK(count_text(100000) == "100k");
  CHECK(count_text(999999) == "999k");
  CHECK(count_text(1000000) == "1.00M");
  CHECK(count_text(1239999) == "1.23M");
  CHECK(count_text(12399999) == "12.3M");
  CHECK(count_text(999999999) == "999M");
  CHECK(count_text(1000000000) == "1.00G");
  CHECK(count_text(UINT64_MAX) == "18.4E");
}

TEST_CASE("stat: rates") {
  CHECK(rate_text(0) == "0");
  CHECK(rate_text(0.01) == "<0.1");
  CHECK(rate_text(0.1) == "0.1");
  CHECK(rate_text(9.94) == "9.9");
  CHECK(rate_text(9.96) == "10");
  CHECK(rate_text(9999.6) == "10000");
  CHECK(rate_text(1e6) == "1.00M");
  CHECK(rate_text(1e30) == "18.4E");
  CHECK(rate_text(std::nan("")) == "0");
}

TEST_CASE("stat: latencies") {
  CHECK(latency_text(0) == "0ns");
  CHECK(latency_text(999) == "999ns");
  CHECK(latency_text(1000) == "1.0us");
  CHECK(latency_text(8192) == "8.1us");
  CHECK(latency_text(131072) == "131us");
  CHECK(latency_text(999999) == "999us");
  CHECK(latency_text(1048576) == "1.0ms");
  CHECK(latency_text(68719476736) == "68s");
  CHECK(latency_text(UINT64_MAX) == ">1h");
}

TEST_CASE("stat: durations") {
  CHECK(duration_text(0) == "0s");
  CHECK(duration_text(59) == "59s");
  CHECK(duration_text(60) == "1m00s");
  CHECK(duration_text(3599) == "59m59s");
  CHECK(duration_text(3600) == "1h00m");
  CHECK(duration_text(86399) == "23h59m");
  CHECK(duration_text(86400) == "1d00h");
  CHECK(duration_text(8640000 - 1) == "99d23h");
  CHECK(duration_text(8640000) == "100d");
  CHECK(duration_text(UINT64_MAX) == ">270y");
}

TEST_CASE("stat: nothing is wider than its column") {
  std::mt19937_64 random(1);
  for (int i = 0; i < 100000; ++i) {
    const uint64_t number = random() >> (random() % 64);
    CHECK(count_text(number).size() <= 5);
    CHECK(rate_text(static_cast<double>(number) / 16).size() <= 5);
    CHECK(latency_text(number).size() <= 5);
    CHECK(duration_text(number).size() <= 6);
  }
}
