#include "tools/lib/json.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>

namespace {

using sdr::JsonWriter;

template <typename T>
std::string json(const T& content) {
  std::string out;
  JsonWriter(&out).value(content);
  return out;
}

std::string json_bytes(std::string_view text) {
  std::string out;
  JsonWriter(&out).bytes({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  return out;
}

}  // namespace

TEST_CASE("json: commas stand between members and items only") {
  std::string out;
  JsonWriter writer(&out);
  writer.begin_object().member("a", 1).key("b").begin_array();
  writer.value(2).begin_object().end_object().begin_array().end_array().value(nullptr).end_array();
  writer.key("c").begin_object().member("d", true).end_object().member("e", "x").end_object();
  CHECK(out == R"({"a":1,"b":[2,{},[],null],"c":{"d":true},"e":"x"})");
}

TEST_CASE("json: lines begin anew") {
  std::string out;
  JsonWriter writer(&out);
  writer.value(1).newline().value(2).newline();
  writer.begin_array().end_array().newline();
  CHECK(out == "1\n2\n[]\n");
}

TEST_CASE("json: integers are exact") {
  CHECK(json(std::numeric_limits<int64_t>::min()) == "-9223372036854775808");
  CHECK(json(std::numeric_limits<int64_t>::max()) == "9223372036854775807");
  CHECK(json(std::numeric_limits<uint64_t>::max()) == "18446744073709551615");
  CHECK(json(std::numeric_limits<int32_t>::min()) == "-2147483648");
  CHECK(json(0) == "0");
  CHECK(json(false) == "false");
}

TEST_CASE("json: floating point") {
  CHECK(json(0.0) == "0.0");
  CHECK(json(-0.0) == "-0.0");
  CHECK(json(1.0) == "1.0");
  CHECK(json(100000.0) == "100000.0");
  CHECK(json(0.1) == "0.1");
  CHECK(json(0.1f) == "0.1");
  CHECK(json(1e22) == "1e+22");
  CHECK(json(9999999999999998.0) == "9999999999999998.0");
  CHECK(json(1e16) == "1e+16");
  CHECK(json(1e-5) == "0.00001");
  CHECK(json(5e-324) == "5e-324");
  CHECK(json(1.7976931348623157e308) == "1.7976931348623157e+308");
  CHECK(json(std::nan("")) == "\"NaN\"");
  CHECK(json(-std::nanf("")) == "\"NaN\"");
  CHECK(json(HUGE_VAL) == "\"Infinity\"");
  CHECK(json(-HUGE_VALF) == "\"-Infinity\"");
}

TEST_CASE("json: every finite float and double reads back as it was") {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20000; ++i) {
    const uint64_t bits = random();
    const double number = std::bit_cast<double>(bits);
    const float small = std::bit_cast<float>(static_cast<uint32_t>(bits));
    if (std::isfinite(number)) {
      const double back = std::strtod(json(number).c_str(), nullptr);
      CHECK(std::bit_cast<uint64_t>(back) == bits);
    }
    if (std::isfinite(small)) {
      const float back = std::strtof(json(small).c_str(), nullptr);
      CHECK(std::bit_cast<uint32_t>(back) == static_cast<uint32_t>(bits));
    }
  }
}

TEST_CASE("json: strings are escaped, and stay UTF-8") {
  CHECK(json("") == "\"\"");
  CHECK(json("a\"\\\n\r\t\b\x01\x7f") == "\"a\\\"\\\\\\n\\r\\t\\u0008\\u0001\\u007f\"");
  CHECK(json(std::string("a\0b", 3)) == "\"a\\u0000b\"");
  CHECK(json("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x9a\x80") ==
        "\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x9a\x80\"");
}

TEST_CASE("json: what is not UTF-8 becomes U+FFFD") {
  const std::string mark = "\xef\xbf\xbd";
  CHECK(json("a\xff"
             "b") == "\"a" + mark + "b\"");
  CHECK(json("\xc3") == "\"" + mark + "\"");
  CHECK(json("\xc0\x80") == "\"" + mark + mark + "\"");
  CHECK(json("\xed\xa0\x80") == "\"" + mark + mark + mark + "\"");
  CHECK(json("\xf4\x90\x80\x80") == "\"" + mark + mark + mark + mark + "\"");
  CHECK(json("\xf4\x8f\xbf\xbf") == "\"\xf4\x8f\xbf\xbf\"");
}

TEST_CASE("json: bytes are one code point each") {
  CHECK(json_bytes("aZ~ ") == "\"aZ~ \"");
  CHECK(json_bytes(std::string_view("\0\"\\\n\x7f\x80\xff", 7)) ==
        "\"\\u0000\\\"\\\\\\u000a\\u007f\\u0080\\u00ff\"");
}
