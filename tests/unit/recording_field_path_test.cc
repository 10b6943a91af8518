#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tools/cat/decoder.h"
#include "tools/recording/field_path.h"

using namespace sdr::recording;

namespace {

constexpr char kSchema[] = R"({"type":"record","name":"R","fields":[{"name":"speed","type":"int"},
    {"name":"pose","type":["null",{"type":"record","name":"P","fields":[{"name":"x","type":"int"},
    {"name":"y","type":"float"}]}]},{"name":"samples","type":{"type":"array","items":"long"}},
    {"name":"tags","type":{"type":"map","values":"int"}},
    {"name":"either","type":[{"type":"array","items":"int"},{"type":"map","values":"int"},
    {"type":"record","name":"Q","fields":[{"name":"k","type":"int"}]}]}]})";

struct Found {
  explicit Found(std::string_view text) {
    REQUIRE(decoder.open(kSchema, sdr::cat::Unions::kBare, &why));
    is_found = find_field_path(decoder.shape(), text, &path, &why);
  }
  sdr::cat::Decoder decoder;
  bool is_found;
  FieldPath path;
  std::string why;
};

}  // namespace

TEST_CASE("field path: records, items and keys, through unions") {
  CHECK(Found("speed").path.is_always_there());
  const Found x("pose.x");
  REQUIRE(x.is_found);
  REQUIRE(x.path.steps.size() == 2);
  CHECK(x.path.steps[1].branch == 1);
  CHECK_FALSE(x.path.is_always_there());
  CHECK(x.decoder.shape().node(x.path.node()).type == AVRO_INT32);
  CHECK(x.path.is_within(Found("pose").path));
  CHECK_FALSE(Found("pose").path.is_within(x.path));
  CHECK(Found("samples[3]").path.steps[1].index == 3);
  CHECK(Found("tags.front").path.steps[1].name == "front");
  CHECK(Found(R"(tags["a \"key\"\\"])").path.steps[1].name == R"(a "key"\)");
  CHECK(Found("either[1]").is_found);
}

TEST_CASE("field path: what leads nowhere, and what is said of it") {
  for (const char* text : {"", ".", "speed.", ".speed", "samples[", "samples[x]", "samples[-1]",
                           "tags[\"a", "tags[\"a\"", "samples[99999999999999999999]"}) {
    CAPTURE(text);
    CHECK_FALSE(Found(text).is_found);
    CHECK(Found(text).why.find("is no path to a field") != std::string::npos);
  }
  CHECK(Found("sped").why.starts_with("no field 'sped'; did you mean 'speed'?"));
  CHECK(Found("x").why == "no field 'x'; did you mean 'pose.x'?");
  CHECK(Found("engine").why.find("there are speed, pose, pose.x, pose.y, samples, tags, either") !=
        std::string::npos);
  CHECK(Found("speed.x").why.find("'speed' is an int") != std::string::npos);
  CHECK(Found("speed[0]").why.find("only an array has items") != std::string::npos);
  CHECK(Found("samples.x").why.find("samples[0]") != std::string::npos);
  CHECK(Found("either.k").why.find("take it as a whole") != std::string::npos);
}

TEST_CASE("field path: lists") {
  using List = std::vector<std::string>;
  CHECK(split_field_list("a,b.c") == List{"a", "b.c"});
  CHECK(split_field_list(R"(m["a,\",b"],c)") == List{R"(m["a,\",b"])", "c"});
  CHECK(split_field_list("") == List{""});
  CHECK(split_field_list("a,") == List{"a", ""});
}
