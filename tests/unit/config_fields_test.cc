// sequence and hold: their fields are looked for in the schema before anything else is said.
#include "tests/unit/config_dir.h"

using namespace config_test;

namespace {

constexpr char kSchema[] = R"({"type": "record", "name": "A", "fields": [
  {"name": "n", "type": "int", "doc": "counts"}, {"name": "big", "type": "long", "aliases": ["b"]},
  {"name": "x", "type": "double"}, {"name": "f", "type": "float"}, {"name": "s", "type": "string"},
  {"name": "t", "type": {"type": "long", "logicalType": "timestamp-micros"}},
  {"name": "maybe", "type": ["null", "int"]},
  {"name": "mode", "type": {"type": "enum", "name": "M", "symbols": ["OFF", "ON"]}},
  {"name": "header", "type": {"type": "record", "name": "H", "fields": [
    {"name": "counter", "type": "int"}]}},
  {"name": "list", "type": {"type": "array", "items": {"type": "record", "name": "I", "fields": [
    {"name": "y", "type": "int"}]}}}]})";

std::string field_report(const std::string& line) {
  ConfigDir dir;
  dir.write("schemas/fields.avsc", kSchema);
  dir.write("relay.toml",
            "[storage]\npath = \"/s\"\n[channel.a]\nlisten = \"0.0.0.0:26000\"\n"
            "schema = \"schemas/fields.avsc\"\n" +
                line + "\n");
  return dir.report();
}

std::string hold_report(const std::string& list) {
  return field_report("decimated = { to = \"239.0.0.1:1\", factor = 5, hold = " + list + " }");
}

}  // namespace

TEST_CASE("a sequence that could serve is not supported yet") {
  for (const char* good :
       {"sequence = \"n\"", "sequence = \"big\"", "sequence = \"header.counter\"",
        "sequence = { field = \"n\" }", "sequence = { field = \"n\", wrap = 2 }",
        "sequence = { field = \"n\", wrap = 4294967296 }",
        "sequence = { field = \"big\", wrap = 9223372036854775807 }"}) {
    only(field_report(good), "relay.toml:6:1: error: sequence is not supported yet; leave it out");
  }
}

TEST_CASE("a sequence that cannot serve") {
  const auto wrong = [](const std::string& line, std::string_view part) {
    only(field_report("sequence = " + line), part);
  };
  wrong("\"m\"", "6:1: error: sequence: the schema has no field 'm'");
  wrong("\"header.countr\"", "did you mean 'header.counter'?");
  wrong("\"counter\"", "the schema has no field 'counter'; did you mean 'header.counter'?");
  wrong("\"x\"", "'x' is a double; datagrams are numbered by an int or a long");
  wrong("\"maybe\"", "'maybe' is a union");
  wrong("\"header\"", "'header' is a record");
  wrong("\"list.y\"", "'list' is an array, and a field is reached through records only");
  wrong("\"n.y\"", "'n' is an int, and a field is reached");
  wrong("\".n\"", "the schema has no field '.n'");
  wrong("\"\"", "sequence is empty");
  wrong("{ field = \"q\", wrap = 5 }", "6:14: error: sequence.field: the schema has no field 'q'");
  wrong("{ field = \"n\", wrap = 4294967297 }",
        "6:27: error: sequence.wrap: 4294967297 is more than an int counts");
  wrong("{ field = \"n\", wrap = 1 }", "must be from 2");
  wrong("{ wrap = 5 }", "sequence has no field");
  wrong("\"" + std::string(10000, '.') + "\"", "10000 bytes long; at most 255");
}

TEST_CASE("fields to hold") {
  for (const char* good : {R"(["x"])", R"(["n", "big", "f", "header.counter", "t"])"}) {
    only(hold_report(good), "relay.toml:6:47: error: decimated[0].hold is not supported yet");
  }
  CHECK(hold_report("[]") == "");
  only(hold_report(R"(["x", "y"])"), "6:60: error: decimated[0].hold[1]: the schema has no field");
  only(hold_report(R"(["mode"])"), "'mode' is an enum, which carries the last value anyway");
  only(hold_report(R"(["maybe"])"), "'maybe' is a union");
  only(hold_report(R"(["list.y"])"), "'list' is an array");
  only(hold_report("[1]"), "decimated[0].hold[0] is an integer");
  only(hold_report("\"x\""), "write a list of fields");
  CHECK(line_count(hold_report(R"(["a1", "x", "b1", "s"])")) == 3);
}

TEST_CASE("sequence replaces what [defaults] says of it; nothing is said where the schema is bad") {
  ConfigDir dir;
  dir.write("relay.toml",
            "[defaults]\nrecord = false\nsequence = { field = \"x\", wrap = 5 }\n[channel.a]\n"
            "listen=\"0.0.0.0:1\"\nschema=\"schemas/bad.avsc\"\nfull_rate=\"239.0.0.1:2\"\n"
            "sequence = \"nope\"\n");
  only(dir.report(), "unable to read schema");
  dir.write("schemas/bad.avsc", kSchema);
  only(dir.report(), "8:1: error: sequence: the schema has no field 'nope'");
}
