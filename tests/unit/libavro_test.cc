#include "tests/fuzz/libavro.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "tests/fuzz/layout_walk.h"
#include "tools/lib/schema.h"

using namespace sdr;
using namespace sdr::fuzz;

namespace {

std::string bytes_of(std::string_view digits) {
  std::string out;
  for (size_t i = 0; i + 1 < digits.size(); i += 2)
    out += static_cast<char>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16));
  return out;
}

}  // namespace

TEST_CASE("layout: each listed difference from libavro-c is one") {
  for (const Difference& one : libavro_differences()) {
    CAPTURE(one.what);
    const std::string text = compile_schema(one.schema).layout;
    const std::string datum = bytes_of(one.datum);
    const auto layout = std::make_unique<Layout>();
    size_t column = 0;
    REQUIRE(layout->parse(text, &column));
    const auto* bytes = reinterpret_cast<const uint8_t*>(datum.data());
    CHECK(layout->validate(bytes, datum.size()) == one.reject);
    LibavroValue value(one.schema);
    CHECK(value.read(datum) == (one.reject != Reject::kNone));

    LayoutNode tree;
    std::string_view rest = text;
    REQUIRE(parse_tree(&rest, &tree));
    CHECK(walk_tree(tree, datum, Rules::kLayout).reject == one.reject);
    if (one.reject != Reject::kNone)
      CHECK(walk_tree(tree, datum, Rules::kLibavro).reject == Reject::kNone);
  }
}
