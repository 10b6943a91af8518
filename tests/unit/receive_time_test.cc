#include "tools/lib/receive_time.h"

#include <doctest/doctest.h>

#include <string>

#include "tools/lib/schema.h"

using namespace sdr;

namespace {

const std::string kAdded(kReceiveTimeField);

// Extends `before` + `after`; the field must come between the two.
void added_between(const std::string& before, const std::string& after) {
  const std::string extended = with_receive_time(before + after);
  const std::string comma = before.ends_with('[') ? "" : ",";
  CHECK(extended == before + comma + kAdded + after);
  const CompiledSchema schema = compile_schema(extended);
  CHECK(schema.fields.back().path == "receive_time");
  CHECK(schema.layout.ends_with("l!)"));
}

std::string wrong(const std::string& text) {
  try {
    with_receive_time(text);
    return "";
  } catch (const SchemaError& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("receive time is the last field of the root, and all else is as it was written") {
  added_between(R"({"type":"record","name":"r","fields":[{"name":"x","type":"double"})", "]}");
  added_between(R"({"type":"record","name":"r","fields":[)", "]}");
  added_between("\n{ \"name\" : \"r\",\t\"fields\" : [ { \"name\":\"x\", \"type\":\"int\"}",
                " \r\n ] , \"type\":\"record\" } \n");
  added_between("{\"type\":\"record\",\"name\":\"r\",\"fields\":[", " \n ]}");
  added_between(R"({"doc":"\"fields\":[{]}","type":"record","name":"r","fields":[)"
                R"({"name":"x","type":"int","doc":"\"]}\\"},{"name":"y","type":"int"})",
                R"(],"more":{"fields":[1,true,null,-1.5e3,{}]}})");
  added_between(R"({"aliases":["fields"],"more":{"fields":[[],{"fields":[]}]},"n":-1.5e3,"t":true,)"
                R"("u":null,"type":"record","name":"r","fields":[{"name":"in","type":)"
                R"({"type":"record","name":"in","fields":[{"name":"receive_time","type":"int"}]}})",
                "]}");
  added_between(R"({"type":"record","name":"r","\u0066iel\u0064s":[{"name":"x","type":"int"})",
                "]}");
}

TEST_CASE("receive time has no place in some schemas") {
  const auto with_field = [](const std::string& field) {
    return wrong(R"({"type":"record","name":"r","fields":[{"name":"x","type":"int"},)" + field +
                 "]}");
  };
  for (const char* text :
       {R"("double")", R"({"type":"long"})", R"({"type":"map","values":"int"})",
        R"([{"type":"record","name":"r","fields":[{"name":"x","type":"int"}]}])"}) {
    CHECK(wrong(text) == "the schema is no record, and only a record takes one more field");
  }
  CHECK(with_field(R"({"name":"receive_time","type":"long"})") ==
        "the schema has a field \"receive_time\" already");
  CHECK(with_field(R"({"name":"receiv\u0065_time","type":"long"})") ==
        "the schema has a field \"receive_time\" already");
  CHECK(with_field(R"({"name":"y","type":"long","aliases":["z","receive_time"]})") ==
        "\"receive_time\" is an alias of the field \"y\"");
  CHECK(with_field(R"({"name":"receive_times","type":"long"})") == "");
}
