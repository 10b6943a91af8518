#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>

#include "tools/feed/json_datum.h"

using namespace sdr;

namespace {

std::string record_of(const std::string& fields) {
  return R"({"type":"record","name":"R","namespace":"t","fields":[)" + fields + "]}";
}

std::string from_json(const std::string& schema, const std::string& line) {
  DatumSchema datum(schema, "");
  fill_from_json(datum.root(), line, datum.fresh());
  return datum.encode();
}

std::string wrong(const std::string& schema, const std::string& line) {
  try {
    from_json(schema, line);
    return "";
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

double double_at(const std::string& bytes, size_t offset) {
  double value;
  REQUIRE(bytes.size() >= offset + sizeof value);
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

}  // namespace

TEST_CASE("feed: JSON of every type") {
  using namespace std::string_literals;
  CHECK(from_json(R"("boolean")", "true") == "\x01"s);
  CHECK(from_json(R"("int")", "-2147483648") == "\xff\xff\xff\xff\x0f"s);
  CHECK(from_json(R"("long")", "64") == "\x80\x01"s);
  CHECK(from_json(R"("float")", "1") == "\0\0\x80\x3f"s);
  CHECK(std::isnan(double_at(from_json(R"("double")", "\"NaN\""), 0)));
  CHECK(double_at(from_json(R"("double")", "\"-Infinity\""), 0) == -HUGE_VAL);
  CHECK(double_at(from_json(R"("double")", "2"), 0) == 2);
  CHECK(from_json(R"("string")", "\"\\u00e9\\u0000\"") == "\x06\xc3\xa9\0"s);
  CHECK(from_json(R"("bytes")", "\"\\u00ff\\u0000a\"") == "\x06\xff\0a"s);
  CHECK(from_json(R"({"type":"fixed","name":"f","size":2})", "\"\\u0080b\"") == "\x80"s + "b");
  CHECK(from_json(R"({"type":"enum","name":"e","symbols":["A","B"]})", "\"B\"") == "\x02"s);
  CHECK(from_json(R"({"type":"array","items":"int"})", "[1,2]") == "\x04\x02\x04\0"s);
  CHECK(from_json(R"({"type":"array","items":"int"})", "[]") == "\0"s);
  CHECK(from_json(R"({"type":"map","values":"int"})", R"({"b":1,"a":2})") ==
        "\x04\x02"s + "b\x02\x02"s + "a\x04\0"s);
  CHECK(from_json(record_of(R"({"name":"n","type":"null"},{"name":"b","type":"boolean"})"),
                  R"({"b":false,"n":null})") == "\0"s);
}

TEST_CASE("feed: a union takes a tagged value, or the first branch that a bare one fits") {
  using namespace std::string_literals;
  const std::string text = R"(["null","int","string",{"type":"record","name":"P","namespace":"t",)"
                           R"("fields":[{"name":"int","type":"int"}]}])";
  CHECK(from_json(text, "null") == "\0"s);
  CHECK(from_json(text, "1") == "\x02\x02"s);
  CHECK(from_json(text, R"({"int":1})") == "\x02\x02"s);
  CHECK(from_json(text, R"({"t.P":{"int":1}})") == "\x06\x02"s);
  CHECK(from_json(text, R"("x")") == "\x04\x02x"s);
  CHECK(from_json(text, R"({"string":"x"})") == "\x04\x02x"s);
  CHECK(wrong(text, "true") == "the datum: fits no branch of the union");
  CHECK(wrong(text, R"({"int":"x"})") == "the datum: expected a whole number");
  CHECK(from_json(R"(["int","long"])", "2147483648") == "\x02\x80\x80\x80\x80\x10"s);
  CHECK(from_json(R"(["int","double"])", "1.5").size() == 9);
}

TEST_CASE("feed: what is wrong in a line is said, with its place") {
  const std::string text =
      record_of(R"({"name":"a","type":{"type":"array","items":{"type":"map","values":"int"}}})");
  CHECK(wrong(text, R"({"a":[{},{"k":1.5}]})") == "a[1]{k}: expected a whole number");
  CHECK(wrong(text, "{}") == "a: missing");
  CHECK(wrong(text, R"({"a":[],"b":1})") == "the datum: no field is called \"b\"");
  CHECK(wrong(text, R"({"a":[],"a":[]})").starts_with("not JSON: column "));
  CHECK(wrong(text, "[]") == "the datum: expected an object");
  CHECK(wrong(text, "{\"a\":[]} x").starts_with("not JSON: column 10: "));
  CHECK(wrong(R"("int")", "2147483648") == "the datum: number out of range");
  CHECK(wrong(R"("int")", "1.0") == "the datum: expected a whole number");
  CHECK(wrong(R"("double")", "\"nan\"") == "the datum: expected a number");
  CHECK(wrong(R"("bytes")", "\"\\u0100\"") ==
        "the datum: bytes are written as characters up to U+00FF");
  CHECK(wrong(R"({"type":"fixed","name":"f","size":2})", "\"a\"") == "the datum: expected 2 bytes");
  CHECK(wrong(R"({"type":"enum","name":"e","symbols":["A"]})", "\"B\"") ==
        "the datum: \"B\" is no symbol of the enum");
  CHECK(wrong(R"("string")", "\"" + std::string(65504, 'x') + "\"") == "");
  CHECK(wrong(R"("string")", "\"" + std::string(65505, 'x') + "\"") ==
        "a datum of 65508 bytes exceeds a datagram, which carries 65507");
}
