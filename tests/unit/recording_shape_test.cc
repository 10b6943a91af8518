#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "tools/cat/decoder.h"
#include "tools/recording/shape.h"

namespace {

using namespace sdr;
using namespace sdr::cat;
using namespace sdr::recording;

// A schema's shape and what it makes of some bytes.
struct Shaped {
  explicit Shaped(std::string_view schema) { opened = decoder.open(schema, Unions::kTyped, &why); }
  Walk walk(std::string_view bytes) const { return decoder.shape().walk(span(bytes)); }
  std::string json(std::string_view bytes) {
    std::string out;
    JsonWriter writer(&out);
    const Walk walked = walk(bytes);
    if (walked.reject != Reject::kNone) return reject_name(walked.reject);
    return decoder.print(span(bytes.substr(0, walked.size)), &writer, &why) ? out : why;
  }
  static std::span<const uint8_t> span(std::string_view bytes) {
    return {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
  }
  Decoder decoder;
  std::string why;
  bool opened = false;
};

std::string_view bytes(const char* data, size_t size) { return {data, size}; }

}  // namespace

TEST_CASE("cat: a walk ends where the datum does") {
  const Shaped shaped(R"({"type":"record","name":"R","fields":[{"name":"a","type":"int"},
      {"name":"b","type":"double"},{"name":"c","type":"string"}]})");
  REQUIRE(shaped.opened);
  CHECK(shaped.decoder.shape().size_min() == 10);
  const std::string datum = std::string("\x02") + std::string(8, '\0') + "\x06xyz";
  CHECK(shaped.walk(datum).size == 13);
  CHECK(shaped.walk(datum + datum).size == 13);
  for (size_t size = 0; size < datum.size(); ++size)
    CHECK(shaped.walk(std::string_view(datum).substr(0, size)).reject != Reject::kNone);
}

TEST_CASE("cat: what a walk refuses") {
  CHECK(Shaped(R"("boolean")").walk("\x02").reject == Reject::kBoolean);
  CHECK(Shaped(R"("int")").walk("\xff\xff\xff\xff\x0f").reject == Reject::kNone);
  CHECK(Shaped(R"("int")").walk("\xff\xff\xff\xff\x1f").reject == Reject::kVarint);
  CHECK(Shaped(R"("long")").walk("\x80").reject == Reject::kShort);
  CHECK(Shaped(R"("bytes")").walk("\x01").reject == Reject::kLength);
  CHECK(Shaped(R"("bytes")").walk("\x04z").reject == Reject::kLength);
  const Shaped letters(R"({"type":"enum","name":"E","symbols":["A","B"]})");
  CHECK(letters.walk("\x02").reject == Reject::kNone);
  CHECK(letters.walk("\x04").reject == Reject::kEnum);
  CHECK(letters.walk("\x01").reject == Reject::kEnum);
  CHECK(Shaped(R"(["null","int"])").walk("\x04").reject == Reject::kUnion);
  CHECK(Shaped(R"(["null","int"])").walk("\x01").reject == Reject::kUnion);
}

TEST_CASE("cat: arrays and maps in blocks") {
  Shaped ints(R"({"type":"array","items":"int"})");
  CHECK(ints.json(bytes("\0", 1)) == "[]");
  CHECK(ints.json(bytes("\x04\x02\x04\x02\x06\0", 6)) == "[1,2,3]");
  CHECK(ints.json(bytes("\x03\x04\x02\x04\0", 5)) == "[1,2]");
  CHECK(ints.json(bytes("\x03\x06\x02\x04\0\0", 6)) == "length");
  CHECK(ints.json(bytes("\x04\x02", 2)) == "short");
  Shaped map(R"({"type":"map","values":"boolean"})");
  CHECK(map.json(bytes("\x02\x02k\x01\0", 5)) == R"({"k":true})");
  CHECK(map.walk(bytes("\x02\x04k\0\x01\0", 6)).nul_in_key);
}

TEST_CASE("cat: items without a byte are bounded") {
  const Shaped nulls(R"({"type":"array","items":"null"})");
  CHECK(nulls.walk(bytes("\x80\x80\x08\0", 4)).reject == Reject::kNone);    // 65536 of them
  CHECK(nulls.walk(bytes("\x82\x80\x08\0", 4)).reject == Reject::kLength);  // 65537
  CHECK(nulls.walk(bytes("\x80\x80\x08\x02\0", 5)).reject == Reject::kLength);
}

TEST_CASE("cat: text that is not UTF-8 is noted, not refused") {
  const Shaped text(R"("string")");
  CHECK_FALSE(text.walk("\x04\xc3\xbc").utf8_bad);
  CHECK(text.walk("\x02\xff").utf8_bad);
  CHECK(text.walk("\x02\xff").reject == Reject::kNone);
}

TEST_CASE("cat: schemas that hold themselves") {
  Shaped list(R"({"type":"record","name":"a.L","fields":[{"name":"v","type":"int"},
      {"name":"next","type":["null","a.L"]}]})");
  REQUIRE(list.opened);
  CHECK(list.decoder.shape().size_min() == 2);
  CHECK(list.json(bytes("\x02\x02\x04\0", 4)) == R"({"v":1,"next":{"a.L":{"v":2,"next":null}}})");
  const std::string deep(4000, '\x02');
  CHECK(list.walk(deep).reject == Reject::kLength);
  CHECK(Shaped(R"({"type":"record","name":"A","fields":[{"name":"a","type":"A"}]})")
            .why.find("never end") != std::string::npos);
  CHECK_FALSE(Shaped(R"({"type":"fixed","name":"F","size":67108865})").opened);
  CHECK(Shaped(R"({"type":"fixed","name":"F","size":67108864})").opened);
}

TEST_CASE("cat: schemas whose references double what a datum has") {
  const auto doubled = [](int times) {
    std::string text = R"({"type":"record","name":"r0","fields":[{"name":"n","type":"null"}]})";
    for (int i = 1; i <= times; ++i)
      text = R"({"type":"record","name":"r)" + std::to_string(i) +
             R"(","fields":[{"name":"a","type":)" + text + R"(},{"name":"b","type":"r)" +
             std::to_string(i - 1) + R"("}]})";
    return text;
  };
  CHECK(Shaped(doubled(15)).opened);  // 2^15 null values in 2^16 - 1 records
  const Shaped over(doubled(16));
  CHECK_FALSE(over.opened);
  CHECK(over.why == "a datum of this schema has more than 131072 parts");
  CHECK_FALSE(Shaped(R"({"type":"array","items":)" + doubled(60) + "}").opened);
}

TEST_CASE("cat: unions with the full name of a named branch") {
  Shaped shaped(R"({"type":"record","name":"R","namespace":"x","fields":[{"name":"u","type":
      ["null","int",{"type":"enum","name":"E","symbols":["A"]},
      {"type":"fixed","name":"y.F","size":1},
      {"type":"array","items":"int"}]}]})");
  REQUIRE(shaped.opened);
  CHECK(shaped.json(bytes("\0", 1)) == R"({"u":null})");
  CHECK(shaped.json(bytes("\x02\x0e", 2)) == R"({"u":{"int":7}})");
  CHECK(shaped.json(bytes("\x04\0", 2)) == R"({"u":{"x.E":"A"}})");
  CHECK(shaped.json(bytes("\x06\xff", 2)) == R"({"u":{"y.F":"\u00ff"}})");
  CHECK(shaped.json(bytes("\x08\0", 2)) == R"({"u":{"array":[]}})");
}
