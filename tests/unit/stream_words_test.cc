#include "tools/gen/stream_words.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/unit/fleet_fixture.h"
#include "tools/lib/receive_time.h"

using namespace sdr;

namespace {

// A number of each kind; `n` is 0, `t` 1, `in.x` 2, `f` 3.
constexpr char kRecord[] =
    R"({"type":"record","name":"R","fields":[{"name":"n","type":"long"},)"
    R"({"name":"t","type":"long","logicalType":"timestamp-micros"},)"
    R"({"name":"in","type":{"type":"record","name":"I","fields":[{"name":"x","type":"double"}]}},)"
    R"({"name":"f","type":"float"}]})";

bool has_option(const Channel& c, const std::vector<std::string>& wanted) {
  const WordGroups words = relay_words(c, storage(), kPaths);
  return std::find(words.begin(), words.end(), wanted) != words.end();
}

std::string decimated_of(const DecimatedStream& stream, const char* schema = kRecord) {
  Channel c = channel("c", 26000);
  c.schema = compile_schema(schema);
  c.decimated = {stream};
  for (const std::vector<std::string>& group : relay_words(c, storage(), kPaths)) {
    if (group[0] == "--decimated") return group[1];
  }
  return "";
}

}  // namespace

TEST_CASE("a decimated stream in the relay's words") {
  const Endpoint to = endpoint("239.1.1.2", 6001);
  CHECK(decimated_of({.to = to, .rate_mhz = 12500}) == "239.1.1.2:6001,rate-mhz=12500");
  CHECK(decimated_of({.to = to, .factor = 5, .method = "rms", .max_wait_ms = 250}) ==
        "239.1.1.2:6001,factor=5,method=rms,max-wait-ms=250");
  CHECK(
      decimated_of({.to = to, .factor = 5, .method = "average", .hold = {"f", "n", "in.x", "f"}}) ==
      "239.1.1.2:6001,factor=5,method=average,hold=0+2+3");
  // The layout holds times already, and what is sent as it came needs none of it.
  CHECK(decimated_of({.to = to, .factor = 5, .method = "minmax", .hold = {"t"}}) ==
        "239.1.1.2:6001,factor=5,method=minmax");
  CHECK(decimated_of({.to = to, .factor = 5, .hold = {"n"}}) == "239.1.1.2:6001,factor=5");
  CHECK(decimated_of({.to = to, .factor = 5, .method = "average"},
                     R"({"type":"long","logicalType":"timestamp-micros"})") ==
        "239.1.1.2:6001,factor=5,method=average,hold=0");
}

TEST_CASE("sequence, silence and receive time in the relay's words") {
  Channel c = channel("c", 26000);
  c.schema = compile_schema(kRecord);
  const auto words_have = [&c](const std::vector<std::string>& wanted) {
    return has_option(c, wanted);
  };
  CHECK(tree_of(c).at("data/layout").content == "(ll!(d)f)\n");
  CHECK_FALSE(words_have({"--receive-time"}));
  c.sequence = SequenceOptions{.field = "n"};
  c.silence_ms = 2000;
  c.record->receive_time = true;
  CHECK(words_have({"--sequence", "0"}));
  CHECK(words_have({"--silence-ms", "2000"}));
  CHECK(words_have({"--receive-time"}));
  c.sequence->wrap = 65536;
  CHECK(words_have({"--sequence", "0,wrap=65536"}));

  const ServiceTree tree = tree_of(c);
  CHECK(tree.at("data/layout").content == "(l!l!(d)f)\n");
  CHECK(tree.at("data/schema.avsc").content == kRecord);
  CHECK(tree.at("data/header").content.find(with_receive_time(kRecord)) != std::string::npos);
  c.record.reset();
  CHECK_FALSE(words_have({"--receive-time"}));
  CHECK(tree_of(c).at("data/header").content.find(kReceiveTimeField) == std::string::npos);
}

TEST_CASE("what the manifest goes by has every key of the streams") {
  Channel c = channel("c", 26000);
  c.schema = compile_schema(kRecord);
  ChannelValues before = channel_values(c, storage(), kPaths);
  const auto changed = [&](const char* key) {
    const ChannelValues now = channel_values(c, storage(), kPaths);
    const bool differs =
        now.contains(key) && (!before.contains(key) || now.at(key) != before.at(key));
    before = now;
    return differs;
  };
  c.decimated.push_back({.to = endpoint("239.1.1.2", 6001), .factor = 5});
  CHECK(changed("decimated"));
  CHECK(before.at("decimated") == "239.1.1.2:6001,factor=5,method=downsample");
  c.decimated[0].method = "average";
  CHECK(changed("decimated"));
  c.decimated[0].hold = {"f"};
  CHECK(changed("decimated"));
  c.decimated[0].max_wait_ms = 1;
  CHECK(changed("decimated"));
  c.decimated[0].rate_mhz = 1;
  CHECK(changed("decimated"));
  c.sequence = SequenceOptions{.field = "n"};
  CHECK(changed("sequence.field"));
  c.sequence->wrap = 2;
  CHECK(changed("sequence.wrap"));
  c.silence_ms = 1;
  CHECK(changed("silence"));
  c.record->receive_time = true;
  CHECK(changed("record.receive_time"));
}
