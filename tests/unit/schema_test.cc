#include "tools/lib/schema.h"

#include <doctest/doctest.h>

#include <string>

#include "relay/format/ocf.h"

using namespace sdr;

namespace {

std::string layout_of(const std::string& text) { return compile_schema(text).layout; }

std::string record_of(const std::string& fields) {
  return R"({"type":"record","name":"r","namespace":"a.b","fields":[)" + fields + "]}";
}

std::string wrong(const std::string& text) {
  try {
    compile_schema(text);
    return "";
  } catch (const SchemaError& error) {
    return std::to_string(error.line) + ": " + error.what();
  }
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("schema: every type has its letter") {
  CHECK(layout_of(R"("boolean")") == "b");
  CHECK(layout_of(R"("int")") == "i");
  CHECK(layout_of(R"("long")") == "l");
  CHECK(layout_of(R"("float")") == "f");
  CHECK(layout_of(R"("double")") == "d");
  CHECK(layout_of(R"("string")") == "s");
  CHECK(layout_of(R"("bytes")") == "y");
  CHECK(layout_of(R"({"type":"long"})") == "l");
  CHECK(layout_of(R"({"type":"fixed","name":"f","size":16})") == "x16");
  CHECK(layout_of(R"({"type":"enum","name":"e","symbols":["A","B"]})") == "e2");
  CHECK(layout_of(R"({"type":"array","items":"double"})") == "[d]");
  CHECK(layout_of(R"({"type":"map","values":["null","long"]})") == "{<n|l>}");
  CHECK(layout_of(record_of(R"({"name":"x","type":"double"},{"name":"n","type":"null"})")) ==
        "(dn)");
}

TEST_CASE("schema: names, namespaces and references expand in place") {
  const std::string inner =
      R"({"type":"record","name":"in","fields":[{"name":"x","type":"float"}]})";
  CHECK(layout_of(record_of(R"({"name":"a","type":)" + inner + R"(},{"name":"b","type":"in"},)" +
                            R"({"name":"c","type":"a.b.in"})")) == "((f)(f)(f))");
  CHECK(layout_of(record_of(R"({"name":"a","type":{"type":"fixed","name":"f","size":4}},)"
                            R"({"name":"b","type":{"type":"array","items":"f"}})")) == "(x4[x4])");
  CHECK(compile_schema(record_of(R"({"name":"x","type":"int"})")).name == "a.b.r");
}

TEST_CASE("schema: recursion is refused by name") {
  CHECK(has(wrong(record_of(R"({"name":"next","type":["null","r"]})")),
            "schema is recursive: type a.b.r refers to itself"));
  CHECK(has(wrong(record_of(R"({"name":"m","type":{"type":"map","values":{"type":"record",)"
                            R"("name":"in","fields":[{"name":"up","type":"r"}]}}})")),
            "type a.b.r refers to itself"));
}

TEST_CASE("schema: time fields are held, and one that is named") {
  const std::string text = record_of(
      R"({"name":"inside","type":{"type":"long","logicalType":"timestamp-micros"}},)"
      R"({"name":"beside","type":"long","logicalType":"timestamp-millis"},)"
      R"({"name":"plain","type":"long"},)"
      R"({"name":"money","type":{"type":"bytes","logicalType":"decimal","precision":4}},)"
      R"({"name":"in","type":{"type":"record","name":"in","fields":[{"name":"x","type":"int"}]}})");
  CHECK(layout_of(text) == "(l!l!ly(i))");
  const CompiledSchema schema = compile_schema(text);
  const auto holding = [&schema](std::string_view path) {
    return layout_holding(schema, *find_field(schema, path));
  };
  CHECK(holding("plain") == "(l!l!l!y(i))");
  CHECK(holding("in.x") == "(l!l!ly(i!))");
  CHECK(holding("inside") == schema.layout);
  CHECK(find_field(schema, "nothing") == nullptr);
  REQUIRE(schema.fields.size() == 6);
  CHECK(schema.fields[0].path == "inside");
  CHECK(schema.fields[1].logical_type == "timestamp-millis");
  CHECK(schema.fields[5].path == "in.x");
  CHECK(schema.fields[5].type == "int");
}

TEST_CASE("schema: numbers have ordinals in the order of their bytes, held ones too") {
  const std::string in = R"({"type":"record","name":"in","fields":[{"name":"x","type":"float"},)"
                         R"({"name":"y","type":"double"}]})";
  const std::string time = R"({"type":"long","logicalType":"timestamp-micros"})";
  const CompiledSchema schema = compile_schema(record_of(
      R"({"name":"n","type":"int"},{"name":"t","type":)" + time +
      R"(},{"name":"s","type":"string"},{"name":"a","type":)" + in +
      R"(},{"name":"u","type":["null","double"]},{"name":"f","type":"long"},)"
      R"({"name":"list","type":{"type":"array","items":"in"}},{"name":"b","type":"in"})"));
  const auto ordinal = [&schema](std::string_view path) -> int {
    const SchemaField* field = find_field(schema, path);
    return field && field->ordinal ? static_cast<int>(*field->ordinal) : -1;
  };
  CHECK(schema.layout == "(il!s(fd)<n|d>l[(fd)](fd))");
  CHECK(schema.number_count == 7);
  CHECK(ordinal("n") == 0);
  CHECK(ordinal("t") == 1);
  CHECK(ordinal("s") == -1);
  CHECK(ordinal("a") == -1);
  CHECK(ordinal("a.x") == 2);
  CHECK(ordinal("a.y") == 3);
  CHECK(ordinal("u") == -1);
  CHECK(ordinal("f") == 4);
  CHECK(ordinal("list") == -1);
  CHECK(ordinal("b.x") == 5);
  CHECK(ordinal("b.y") == 6);
  CHECK(layout_holding(schema, *find_field(schema, "f")) == "(il!s(fd)<n|d>l![(fd)](fd))");
  CHECK(layout_holding(schema, *find_field(schema, "b.y")) == "(il!s(fd)<n|d>l[(fd)](fd!))");
}

TEST_CASE("schema: only numbers are marked as held") {
  const std::string beside = R"(,"logicalType":"timestamp-micros"})";
  const std::string in = R"({"type":"record","name":"in","fields":[{"name":"x","type":"double"}]})";
  CHECK(layout_of(record_of(R"({"name":"r","type":)" + in + beside)) == "((d))");
  CHECK(layout_of(record_of(R"({"name":"u","type":["null","long"])" + beside)) == "(<n|l>)");
  CHECK(layout_of(record_of(R"({"name":"s","type":"string")" + beside)) == "(s)");
  CHECK(layout_of(record_of(R"({"name":"d","type":"double")" + beside)) == "(d!)");
  CHECK(layout_of(record_of(R"({"name":"a","type":{"type":"array","items":{"type":"record",)"
                            R"("name":"in","fields":[{"name":"t","type":"long")" +
                            beside + "]}}}")) == "([(l)])");
}

TEST_CASE("schema: numbers that may be null") {
  const auto nullable = [](const std::string& type) {
    const CompiledSchema schema = compile_schema(record_of(R"({"name":"x","type":)" + type + "}"));
    CHECK(schema.number_count == 0);
    return schema.fields[0].nullable_number;
  };
  CHECK(nullable(R"(["null","double"])"));
  CHECK(nullable(R"(["int","null"])"));
  CHECK(nullable(R"(["null","int","float"])"));
  CHECK_FALSE(nullable(R"(["null","string"])"));
  CHECK_FALSE(nullable(R"(["int","double"])"));
  CHECK_FALSE(nullable(R"(["null","int","string"])"));
  CHECK_FALSE(nullable(R"(["null",{"type":"int","logicalType":"date"}])"));
  CHECK_FALSE(nullable(R"(["null","long"],"logicalType":"timestamp-millis")"));
}

TEST_CASE("schema: a root that is a number itself") {
  CHECK(compile_schema(R"("double")").number_count == 1);
  CHECK_FALSE(compile_schema(R"({"type":"long"})").root_is_time);
  CHECK(compile_schema(R"({"type":"long","logicalType":"time-micros"})").root_is_time);
  CHECK(compile_schema(R"({"type":"long","logicalType":"time-micros"})").layout == "l");
  CHECK(compile_schema(R"(["null","double"])").number_count == 0);
}

TEST_CASE("schema: sizes") {
  CHECK(compile_schema(R"("double")").fixed_size == 8);
  CHECK(compile_schema(R"("string")").fixed_size == 0);
  const CompiledSchema schema = compile_schema(
      record_of(R"({"name":"a","type":"double"},{"name":"b","type":["null","string"]})"));
  CHECK(schema.fixed_size == 0);
  CHECK(schema.minimum_size == 9);
}

TEST_CASE("schema: what is wrong is said, with its line") {
  CHECK(has(wrong("{\n\"type\": \"record\",\n oops}"), "3: not JSON"));
  CHECK(has(wrong(""), "not JSON"));
  CHECK(has(wrong(R"({"type":"nothing"})"), "not an Avro schema"));
  CHECK(has(wrong(R"({"type":"record","name":"r","fields":[{"name":"x","type":"y"}]})"),
            "not an Avro schema"));
  CHECK(has(wrong(R"("null")"), "zero bytes"));
  CHECK(has(wrong(R"({"type":"fixed","name":"f","size":70000})"), "a datagram carries at most"));
  std::string deep = R"("int")";
  for (int i = 0; i < 70; ++i) deep = R"({"type":"array","items":)" + deep + "}";
  CHECK(has(wrong(deep), "nested more than 64 deep"));
}

TEST_CASE("schema: what libavro-c takes and other readers refuse is refused") {
  auto field = [](const std::string& type) {
    return record_of(R"({"name":"x","type":)" + type + "}");
  };
  CHECK(has(wrong(field(R"(["null",["long"]])")), "x: a union must not stand directly in a union"));
  CHECK(has(wrong(field(R"(["long","long"])")), "x: a union has two branches of type long"));
  CHECK(has(wrong(field(R"(["long",{"type":"long","logicalType":"timestamp-micros"}])")),
            "two branches of type long"));
  CHECK(has(wrong(field(R"([{"type":"map","values":"int"},{"type":"map","values":"long"}])")),
            "two branches of type map"));
  CHECK(has(wrong(field("[]")), "at least one branch"));
  CHECK(has(wrong(field(R"({"type":"enum","name":"e","symbols":["A","A"]})")), "A stands twice"));
  CHECK(has(wrong(field(R"({"type":"enum","name":"e","symbols":["1A"]})")), "is no symbol"));
  CHECK(has(wrong(field(R"({"type":"enum","name":"e","symbols":[]})")), "at least one name"));
  CHECK(has(wrong(field(R"({"type":"fixed","name":"f","size":0})")), "from 1"));
  CHECK(has(wrong(field(R"({"type":"fixed","name":"a-b","size":1})")), "is no name"));
  CHECK(has(wrong(field(R"({"type":"fixed","name":"long","namespace":"","size":1})")),
            "the name of a primitive type"));
  CHECK(has(wrong(field("5")), "a type is a name, an object or an array"));
  CHECK(has(wrong(record_of(R"({"name":"x","type":"int"},{"name":"x","type":"int"})")),
            "x: there is another field of that name"));
  CHECK(has(wrong(record_of(R"({"name":"x y","type":"int"})")), "is no field name"));
  CHECK(has(wrong(record_of(R"({"name":"x"})")), "x: \"type\" is missing"));
  CHECK(has(wrong(record_of(R"({"name":"a","type":{"type":"fixed","name":"f","size":1}},)"
                            R"({"name":"b","type":{"type":"fixed","name":"f","size":2}})")),
            "b: type a.b.f is defined twice"));
  // Two fixed of different names are two types.
  CHECK(layout_of(field(R"([{"type":"fixed","name":"f","size":1},)"
                        R"({"type":"fixed","name":"g","size":1}])")) == "(<x1|x1>)");
}

TEST_CASE("schema: the header holds the original text") {
  const std::string text = "{ \"type\" : \"long\",\n \"doc\": \"kept\" }";
  const std::string header = channel_header(text, "engine");
  const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(header.data()),
                                       header.size());
  Result<OcfHeader> parsed = parse_ocf_header(bytes);
  REQUIRE(parsed);
  CHECK(parsed->pair_count == 3);
  CHECK(parsed->size == header.size());
  const std::span<const uint8_t> schema = ocf_metadata(bytes, "avro.schema");
  CHECK(std::string(schema.begin(), schema.end()) == text);
}
