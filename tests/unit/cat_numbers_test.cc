#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tools/cat/decoder.h"
#include "tools/cat/number_tree.h"

using namespace sdr::cat;

namespace {

// A schema, and what is read of a datum: "name=1.5 name=null …".
struct Read {
  explicit Read(std::string_view schema) { REQUIRE(decoder.open(schema, Unions::kBare, &why)); }

  static std::string run(const NumberTree& tree, std::string_view bytes) {
    std::string text;
    tree.read({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()},
              [&](uint32_t leaf, NumberTree::What what, const Number& number) {
                text += (text.empty() ? "" : " ") + tree.leaves()[leaf].name + "=";
                text += what == NumberTree::What::kNull    ? "null"
                        : what == NumberTree::What::kOther ? "other"
                        : number.is_integer                ? std::to_string(number.integer)
                                            : std::to_string(static_cast<int>(number.real)) + ".";
              });
    return text;
  }
  std::string all(std::string_view bytes) const { return run(NumberTree(decoder.shape()), bytes); }
  std::string at(std::string_view field, std::string_view bytes) {
    FieldPath path;
    REQUIRE(find_field_path(decoder.shape(), field, &path, &why));
    return run(NumberTree(decoder.shape(), path), bytes);
  }
  std::string names() const {
    std::string text;
    const NumberTree tree(decoder.shape());
    for (const Leaf& leaf : tree.leaves())
      text += (text.empty() ? "" : " ") + leaf.name + ":" + leaf.type;
    return text;
  }

  Decoder decoder;
  std::string why;
};

std::string_view bytes(const char* data, size_t size) { return {data, size}; }

}  // namespace

TEST_CASE("cat numbers: of records, past what is none") {
  const Read read(R"({"type":"record","name":"R","fields":[{"name":"s","type":"string"},
      {"name":"p","type":{"type":"record","name":"P","fields":[{"name":"x","type":"int"},
      {"name":"b","type":"boolean"}]}},{"name":"f","type":{"type":"fixed","name":"F","size":2}},
      {"name":"e","type":{"type":"enum","name":"E","symbols":["A","B"]}},
      {"name":"l","type":"long"},{"name":"d","type":"double"},{"name":"g","type":"float"}]})");
  CHECK(read.names() == "p.x:int p.b:boolean l:long d:double g:float");
  std::string whole("\x04hi\x05\x01zz\x02\x07", 9);
  whole.append(bytes("\0\0\0\0\0\0\xf0\x3f", 8)).append(bytes("\0\0\0\x40", 4));
  CHECK(read.all(whole) == "p.x=-3 p.b=1 l=-4 d=1. g=2.");
}

TEST_CASE("cat numbers: of unions, by the branches that are numbers") {
  const Read read(R"({"type":"record","name":"R","fields":[
      {"name":"u","type":["null","int","string","double"]},
      {"name":"n","type":["null",
      {"type":"record","name":"P","fields":[{"name":"x","type":"int"}]}]},
      {"name":"m","type":[{"type":"array","items":"int"},{"type":"map","values":"long"}]}]})");
  CHECK(read.names() == "u:int|double n.x:int m.array[*]:int m.map.*:long");
  CHECK(read.all(bytes("\0\0\0\0", 4)) == "u=null n.x=null m.map.*=other");
  CHECK(read.all(bytes("\2\6\2\4\0\2\4\0", 8)) == "u=3 n.x=2 m.map.*=other m.array[*]=2");
  CHECK(read.all(bytes("\4\2z\0\2\2\2k\4\0", 10)) == "u=other n.x=null m.array[*]=other m.map.*=2");
}

TEST_CASE("cat numbers: of arrays, block by block, and by one item or key") {
  Read read(R"({"type":"record","name":"R","fields":[
      {"name":"a","type":{"type":"array","items":"int"}},
      {"name":"m","type":{"type":"map","values":{"type":"array","items":"int"}}},
      {"name":"z","type":"int"}]})");
  const std::string_view datum = bytes(
      "\4\2\4\1\2\6\0"
      "\4\2a\2\10\0\2b\2\12\0\0"
      "\2",
      20);
  CHECK(read.all(datum) == "a[*]=1 a[*]=2 a[*]=3 m.*[*]=4 m.*[*]=5 z=1");
  CHECK(read.at("a[2]", datum) == "a[2]=3");
  CHECK(read.at("a[3]", datum).empty());
  CHECK(read.at("m.b[0]", datum) == "m.b[0]=5");
  CHECK(read.at("m.c[0]", datum).empty());
  CHECK(read.at("m.a", datum) == "m.a[*]=4");
  CHECK(read.at("z", datum) == "z=1");
}

TEST_CASE("cat numbers: through unions by a path") {
  Read read(R"({"type":"record","name":"R","fields":[{"name":"p","type":["null",
      {"type":"record","name":"P","fields":[{"name":"s","type":"string"},
      {"name":"x","type":["null","int"]}]}]}]})");
  CHECK(read.at("p.x", bytes("\0", 1)) == "p.x=null");
  CHECK(read.at("p.x", bytes("\2\0\0", 3)) == "p.x=null");
  CHECK(read.at("p.x", bytes("\2\2q\2\4", 5)) == "p.x=2");
  CHECK(read.at("p.s", bytes("\2\2q\2\4", 5)).empty());
}

TEST_CASE("cat numbers: a record within itself, and schemas that never end") {
  const Read list(R"({"type":"record","name":"L","fields":[{"name":"v","type":"int"},
      {"name":"next","type":["null","L"]},{"name":"w","type":"int"}]})");
  CHECK(list.names() == "v:int w:int");
  CHECK(list.all(bytes("\2\2\4\0\6\10", 6)) == "v=1 w=4");
  std::string schema = R"({"type":"record","name":"R0","fields":[{"name":"v","type":"int"}]})";
  for (int i = 1; i < 30; ++i) {
    const std::string before = "R" + std::to_string(i - 1);
    schema = R"({"type":"record","name":"R)" + std::to_string(i) +
             R"(","fields":[{"name":"a","type":["null",)" + schema +
             R"(]},{"name":"b","type":["null",")" + before + R"("]}]})";
  }
  const Read wide(schema);
  const NumberTree tree(wide.decoder.shape());
  CHECK(tree.is_cut());
  CHECK(tree.leaves().size() == kLeavesMax);
  CHECK(Read(R"("double")").names() == "(datum):double");
  CHECK(Read(R"("string")").names().empty());
}
