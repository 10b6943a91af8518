#include "relay/format/layout.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

using namespace sdr;
using Bytes = std::vector<uint8_t>;

namespace {

std::unique_ptr<Layout> parse(const std::string& text) {
  auto layout = std::make_unique<Layout>();
  size_t column = 0;
  Status s = layout->parse(text, &column);
  REQUIRE_MESSAGE(s, text << ": " << (s ? "" : s.error().what) << " at " << column);
  return layout;
}

Reject check(const std::string& text, const Bytes& bytes) {
  return parse(text)->validate(bytes.data(), bytes.size());
}

// What is wrong with a layout text, and where.
std::string wrong(const std::string& text) {
  auto layout = std::make_unique<Layout>();
  size_t column = 0;
  Status s = layout->parse(text, &column);
  return s ? "" : std::to_string(column) + ": " + s.error().what;
}

Bytes repeat(uint8_t byte, size_t count, const Bytes& then = {}) {
  Bytes out(count, byte);
  out.insert(out.end(), then.begin(), then.end());
  return out;
}

}  // namespace

TEST_CASE("layout: fixed sizes are known, varying ones are not") {
  CHECK(parse("(dfx16b)")->fixed_size() == 29);
  CHECK(parse("((d)(f)n)")->fixed_size() == 12);
  CHECK(parse("(di)")->fixed_size() == 0);
  CHECK(parse("(d!f!)")->fixed_size() == 12);
  CHECK(parse("d\n")->fixed_size() == 8);
  CHECK(parse("e2")->fixed_size() == 0);
  CHECK(parse("<d|d>")->fixed_size() == 0);
}

TEST_CASE("layout: bad texts say what and where") {
  CHECK(wrong("") == "1: the layout ends early");
  CHECK(wrong("(d") == "3: the layout ends early");
  CHECK(wrong("(dq)") == "3: not a type");
  CHECK(wrong("dd") == "2: text behind the layout");
  CHECK(wrong("x") == "2: a number is missing");
  CHECK(wrong("e0") == "3: number too small");
  CHECK(wrong("x99999999999999999999") != "");
  CHECK(wrong("[d") == "3: expected ]");
  CHECK(wrong("{d]") == "3: expected }");
  CHECK(wrong("<d") == "3: expected | or >");
  CHECK(wrong("<>") == "2: not a type");
  CHECK(wrong("n") == "2: a datum of zero bytes");
  CHECK(wrong("(nnx0)") == "7: a datum of zero bytes");
  CHECK(wrong(std::string(kLayoutDepthMax, '[') + "d" + std::string(kLayoutDepthMax, ']')) == "");
  CHECK(wrong(std::string(kLayoutDepthMax + 1, '[') + "d" + std::string(kLayoutDepthMax + 1, ']'))
            .find("nested too deeply") != std::string::npos);
  CHECK(wrong("(" + std::string(kLayoutOpsMax, 'i') + ")") == "");
  CHECK(wrong("(" + std::string(kLayoutOpsMax + 1, 'i') + ")").find("too many steps") !=
        std::string::npos);
}

TEST_CASE("layout: primitives to their edges") {
  CHECK(check("b", {0}) == Reject::kNone);
  CHECK(check("b", {1}) == Reject::kNone);
  CHECK(check("b", {2}) == Reject::kBoolean);
  CHECK(check("b", {}) == Reject::kShort);
  CHECK(check("b", {1, 0}) == Reject::kLong);
  CHECK(check("d", repeat(0xff, 8)) == Reject::kNone);
  CHECK(check("d", repeat(0xff, 7)) == Reject::kShort);
  CHECK(check("d", repeat(0xff, 9)) == Reject::kLong);
  CHECK(check("x3", {1, 2, 3}) == Reject::kNone);
  CHECK(check("e3", {4}) == Reject::kNone);  // index 2
  CHECK(check("e3", {6}) == Reject::kEnum);  // index 3
  CHECK(check("e3", {1}) == Reject::kEnum);  // index -1
  CHECK(check("i", {0}) == Reject::kNone);
  CHECK(check("i", {0xff, 0xff, 0xff, 0xff, 0x0f}) == Reject::kNone);  // INT32_MIN
  CHECK(check("i", {0xff, 0xff, 0xff, 0xff, 0x1f}) == Reject::kVarint);
  CHECK(check("i", {0x80, 0x80, 0x80, 0x80, 0x80, 0x00}) == Reject::kVarint);
  CHECK(check("i", {0x80}) == Reject::kShort);
  CHECK(check("l", repeat(0xff, 9, {0x01})) == Reject::kNone);  // INT64_MIN
  CHECK(check("l", repeat(0xff, 9, {0x02})) == Reject::kVarint);
  CHECK(check("l", repeat(0x80, 10, {0x00})) == Reject::kVarint);
  CHECK(check("l", repeat(0x80, 9)) == Reject::kShort);
  // Longer than need be, but no longer than the type can need: readable by all, and taken.
  CHECK(check("l", {0x80, 0x00}) == Reject::kNone);
  CHECK(check("i", {0x80, 0x80, 0x80, 0x80, 0x00}) == Reject::kNone);
}

TEST_CASE("layout: strings and bytes") {
  CHECK(check("s", {0}) == Reject::kNone);
  CHECK(check("s", {4, 'a', 'b'}) == Reject::kNone);
  CHECK(check("s", {4, 'a'}) == Reject::kLength);
  CHECK(check("s", {1, 'a'}) == Reject::kLength);  // -1
  CHECK(check("y", repeat(0xff, 9, {0x01})) == Reject::kLength);
  CHECK(check("y", {4, 0xff, 0xfe}) == Reject::kNone);
  CHECK(check("s", {4, 0xff, 0xfe}) == Reject::kUtf8);
  CHECK(check("s", {}) == Reject::kShort);
}

TEST_CASE("layout: UTF-8 as RFC 3629 has it") {
  auto ok = [](const std::string& s) {
    return is_utf8(reinterpret_cast<const uint8_t*>(s.data()), s.size());
  };
  CHECK(ok(""));
  CHECK(ok("plain ascii that is longer than a word of eight"));
  CHECK(ok("\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xef\xbf\xbf \xf0\x90\x80\x80 \xf4\x8f\xbf\xbf"));
  CHECK(ok("\xed\x9f\xbf\xee\x80\x80"));  // around the surrogates
  CHECK_FALSE(ok("\xed\xa0\x80"));        // U+D800
  CHECK_FALSE(ok("\xed\xbf\xbf"));        // U+DFFF
  CHECK_FALSE(ok("\xc0\x80"));            // shorter forms exist
  CHECK_FALSE(ok("\xc1\xbf"));
  CHECK_FALSE(ok("\xe0\x9f\xbf"));
  CHECK_FALSE(ok("\xf0\x8f\xbf\xbf"));
  CHECK_FALSE(ok("\xf4\x90\x80\x80"));  // U+110000
  CHECK_FALSE(ok("\xf5\x80\x80\x80"));
  CHECK_FALSE(ok("\x80"));
  CHECK_FALSE(ok("\xe2\x82"));  // cut short
  CHECK_FALSE(ok("0123456\xe2\x82"));
  CHECK_FALSE(ok("01234567\xff"));
}

TEST_CASE("layout: unions") {
  CHECK(check("<n|l>", {0}) == Reject::kNone);
  CHECK(check("<n|l>", {2, 8}) == Reject::kNone);
  CHECK(check("<n|l>", {2}) == Reject::kShort);
  CHECK(check("<n|l>", {4}) == Reject::kUnion);
  CHECK(check("<n|l>", {1}) == Reject::kUnion);
  CHECK(check("<n|l>", {0, 0}) == Reject::kLong);
  CHECK(check("(<d|f>f)", repeat(0, 13)) == Reject::kNone);  // the field behind is not the branch's
  CHECK(check("(<d|f>f)", {2, 0, 0, 0, 0, 0, 0, 0, 0}) == Reject::kNone);
  CHECK(check("<n|<n|[b]>>", {2, 2, 2, 1, 0}) == Reject::kNone);
}

TEST_CASE("layout: arrays and maps") {
  CHECK(check("[b]", {0}) == Reject::kNone);
  CHECK(check("[b]", {4, 0, 1, 0}) == Reject::kNone);
  CHECK(check("[b]", {2, 0, 2, 1, 0}) == Reject::kNone);  // two blocks
  CHECK(check("[b]", {4, 0, 1}) == Reject::kShort);
  CHECK(check("[b]", {4, 0, 2, 0}) == Reject::kBoolean);
  CHECK(check("[b]", {3, 4, 0, 1, 0}) == Reject::kNone);    // count -2, size 2
  CHECK(check("[b]", {3, 2, 0, 1, 0}) == Reject::kLength);  // its size is not true
  CHECK(check("[b]", {3, 6, 0, 1, 0}) == Reject::kLength);
  CHECK(check("[b]", {3, 1, 0, 1, 0}) == Reject::kLength);             // negative
  CHECK(check("[b]", repeat(0xff, 9, {0x01, 0})) == Reject::kLength);  // count INT64_MIN
  CHECK(check("[b]", repeat(0xfe, 8, {0x7f})) == Reject::kShort);      // more than there can be
  CHECK(check("{b}", {2, 2, 'k', 1, 0}) == Reject::kNone);
  CHECK(check("{b}", {2, 2, 0xff, 1, 0}) == Reject::kUtf8);
  CHECK(check("{b}", {2, 4, 'k', 1, 0}) == Reject::kShort);
  CHECK(check("{n}", {2, 2, 'k', 0}) == Reject::kNone);
  CHECK(check("([d]f)", {0, 1, 2, 3, 4}) == Reject::kNone);  // the field behind is not the item's
}

TEST_CASE("layout: items without bytes are bounded") {
  CHECK(check("[n]", {2, 0}) == Reject::kNone);
  CHECK(check("[n]", {0x80, 0x80, 0x08, 0}) == Reject::kNone);    // 65536
  CHECK(check("[n]", {0x82, 0x80, 0x08, 0}) == Reject::kLength);  // 65537
  CHECK(check("[n]", {0x80, 0x80, 0x08, 2, 0}) == Reject::kLength);
  // Over all arrays of a datum together.
  CHECK(check("([n][n])", {0x80, 0x80, 0x04, 0, 0x80, 0x80, 0x04, 0}) == Reject::kNone);
  CHECK(check("([n][n])", {0x80, 0x80, 0x04, 0, 0x82, 0x80, 0x04, 0}) == Reject::kLength);
  CHECK(check("[[n]]", {4, 0x80, 0x80, 0x04, 0, 0x82, 0x80, 0x04, 0, 0}) == Reject::kLength);
  CHECK(check("[(nx0)]", repeat(0xfe, 8, {0x7f})) == Reject::kLength);
}
