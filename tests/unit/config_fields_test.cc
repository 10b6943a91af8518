// sequence and hold: their fields are looked for in the schema before anything else is said.
#include "tests/unit/config_dir.h"

using namespace config_test;

namespace {

constexpr char kSchema[] = R"({"type": "record", "name": "A", "fields": [
  {"name": "n", "type": "int", "doc": "counts"}, {"name": "big", "type": "long", "aliases": ["b"]},
  {"name": "x", "type": "double"}, {"name": "f", "type": "float"}, {"name": "s", "type": "string"},
  {"name": "t", "type": {"type": "long", "logicalType": "timestamp-micros"}},
  {"name": "maybe", "type": ["int", "string"]},
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
  return field_report("decimated = { to = \"239.0.0.1:1\", factor = 5, hold = " + list +
                      ", method = \"average\" }");
}

// One stream of this method by a schema with these fields.
std::string method_report(const std::string& fields, const std::string& more) {
  ConfigDir dir;
  dir.write("schemas/m.avsc", R"({"type": "record", "name": "M", "fields": [)" + fields + "]}");
  dir.write("relay.toml",
            "[channel.a]\nrecord = false\nlisten = \"0.0.0.0:26000\"\n"
            "schema = \"schemas/m.avsc\"\n"
            "decimated = [{ to = \"239.0.0.1:1\", factor = 5, " +
                more + "\n");
  return dir.report();
}

std::string receive_time_report(const std::string& schema, const std::string& record) {
  ConfigDir dir;
  dir.write("schemas/m.avsc", schema);
  dir.write("relay.toml",
            "[storage]\npath = \"/s\"\n[defaults]\nrecord.receive_time = true\n[channel.a]\n"
            "listen = \"0.0.0.0:26000\"\nschema = \"schemas/m.avsc\"\n"
            "full_rate = \"239.0.0.1:1\"\n" +
                record + "\n");
  return dir.report();
}

}  // namespace

TEST_CASE("a sequence that can serve") {
  for (const char* good :
       {"sequence = \"n\"", "sequence = \"big\"", "sequence = \"header.counter\"",
        "sequence = { field = \"n\" }", "sequence = { field = \"n\", wrap = 2 }",
        "sequence = { field = \"n\", wrap = 4294967296 }",
        "sequence = { field = \"big\", wrap = 9223372036854775807 }"}) {
    CHECK(field_report(good) == "");
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
  for (const char* good : {"[]", R"(["x"])", R"(["n", "big", "f", "header.counter", "t"])"}) {
    CHECK(hold_report(good) == "");
  }
  only(hold_report(R"(["x", "y"])"), "6:60: error: decimated[0].hold[1]: the schema has no field");
  only(hold_report(R"(["mode"])"), "'mode' is an enum, which carries the last value anyway");
  only(hold_report(R"(["maybe"])"), "'maybe' is a union");
  only(hold_report(R"(["list.y"])"), "'list' is an array");
  only(hold_report("[1]"), "decimated[0].hold[0] is an integer");
  only(hold_report("\"x\""), "write a list of fields");
  CHECK(line_count(hold_report(R"(["a1", "x", "b1", "s"])")) == 3);
}

TEST_CASE("hold has no effect on datums that are sent as they came") {
  const std::string fields = R"({"name": "x", "type": "double"})";
  for (const char* method : {"", ", method = \"downsample\""}) {
    only(method_report(fields, std::string("hold = [\"x\"]") + method + " }]"),
         "relay.toml:5:48: warning: decimated[0].hold has no effect with downsample");
  }
  CHECK(method_report(fields, "hold = [] }]") == "");
}

TEST_CASE("a method that finds no number to act on") {
  const auto none = [](const std::string& fields, const std::string& more) {
    only(method_report(fields, more + " }]"),
         "5:48: warning: decimated[0].method: average finds no number");
  };
  const std::string average = "method = \"average\"";
  const std::string x = R"({"name": "x", "type": "long"})";
  none(R"({"name": "s", "type": "string"}, {"name": "u", "type": ["null", "int"]})", average);
  none(R"({"name": "t", "type": "long", "logicalType": "timestamp-micros"})", average);
  none(x, average + ", hold = [\"x\"]");
  none(x, average + " }]\nsequence = \"x\"\n#");
  CHECK(method_report(x, average + " }]") == "");
  only(method_report(R"({"name": "x", "type": "double"})", average + " }]\nsequence = \"x\"\n#"),
       "6:1: error: sequence: 'x' is a double");
  CHECK(method_report(R"({"name": "s", "type": "string"})", "method = \"downsample\" }]") == "");
}

TEST_CASE("numbers that may be null are only carried, which is said once") {
  const std::string x = R"({"name": "x", "type": "int"})";
  const auto maybe = [](const std::string& name) {
    return R"(, {"name": ")" + name + R"(", "type": ["null", "double"]})";
  };
  const std::string two =
      "method = \"rms\" }, { to = \"239.0.0.2:2\", factor = 2, method = \"minmax\" }]";
  only(method_report(x + maybe("a"), two),
       "5:48: warning: decimated[0].method: rms does not act on 'a', which may be null");
  only(method_report(x + maybe("a") + maybe("b"), two), "does not act on 'a', 'b', which");
  only(method_report(x + maybe("a") + maybe("b") + maybe("c") + maybe("d") + maybe("e"), two),
       "does not act on 'a', 'b', 'c', 'd' and 1 more, which");
  CHECK(method_report(x + R"(, {"name": "u", "type": ["null", "string"]})", two) == "");
  CHECK(method_report(x + maybe("a"), "method = \"downsample\" }]") == "");
}

TEST_CASE("receive time goes into records that have none") {
  const std::string plain = R"({"type": "record", "name": "R", "fields": [)"
                            R"({"name": "x", "type": "int"}]})";
  CHECK(receive_time_report(plain, "") == "");
  only(receive_time_report("\"int\"", ""),
       "relay.toml:4:8: error: record.receive_time: the schema is no record");
  only(receive_time_report(kSchema, "record.receive_time = 1"), "is an integer");
  const std::string taken = R"({"type": "record", "name": "R", "fields": [)"
                            R"({"name": "receive_time", "type": "int"}]})";
  only(receive_time_report(taken, ""), "the schema has a field \"receive_time\" already; change");
  CHECK(receive_time_report(taken, "record.receive_time = false") == "");
  CHECK(receive_time_report(taken, "record = false") == "");
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
