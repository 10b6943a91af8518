#include "relay/number.h"

#include <doctest/doctest.h>

namespace sdr {
namespace {

TEST_CASE("digits are taken off the front") {
  std::string_view text = "42-7";
  uint64_t number = 0;
  REQUIRE(take_number(&text, 10, &number));
  CHECK(number == 42);
  CHECK(text == "-7");
  CHECK_FALSE(take_number(&text, 10, &number));
  CHECK(number == 42);
  CHECK(text == "-7");
}

TEST_CASE("bases") {
  uint64_t number = 0;
  CHECK(parse_number("640", 8, &number));
  CHECK(number == 0640);
  CHECK_FALSE(parse_number("680", 8, &number));
  CHECK(parse_number("fF", 16, &number));
  CHECK(number == 255);
  CHECK_FALSE(parse_number("fg", 16, &number));
  CHECK_FALSE(parse_number("1f", 10, &number));
}

TEST_CASE("no sign, space, prefix, nothing") {
  uint64_t number = 0;
  for (const char* text : {"", "+1", "-1", " 1", "1 ", "0x1", "\x10", "/", ":", "1\t"})
    CHECK_FALSE_MESSAGE(parse_number(text, 10, &number), text);
  for (const char* text : {"@", "G", "`", "g", "0x1"})
    CHECK_FALSE_MESSAGE(parse_number(text, 16, &number), text);
}

TEST_CASE("64 bits and no more") {
  uint64_t number = 0;
  CHECK(parse_number("18446744073709551615", 10, &number));
  CHECK(number == UINT64_MAX);
  CHECK(parse_number("00000000000000000000000018446744073709551615", 10, &number));
  CHECK_FALSE(parse_number("18446744073709551616", 10, &number));
  CHECK_FALSE(parse_number("99999999999999999999", 10, &number));
  CHECK(parse_number("ffffffffffffffff", 16, &number));
  CHECK(number == UINT64_MAX);
  CHECK_FALSE(parse_number("10000000000000000", 16, &number));
}

}  // namespace
}  // namespace sdr
