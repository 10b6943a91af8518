#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "relay/format/layout.h"
#include "relay/format/varint.h"
#include "tools/feed/datum.h"
#include "tools/feed/options.h"
#include "tools/feed/synthetic.h"

using namespace sdr;

namespace {

const std::string kEvery = R"({"type":"record","name":"Every","namespace":"t","fields":[
  {"name":"when","type":{"type":"long","logicalType":"timestamp-micros"}},
  {"name":"count","type":"int"},
  {"name":"nothing","type":"null"},{"name":"flag","type":"boolean"},{"name":"big","type":"long"},
  {"name":"f","type":"float"},{"name":"d","type":"double"},{"name":"s","type":"string"},
  {"name":"y","type":"bytes"},{"name":"x","type":{"type":"fixed","name":"X","size":3}},
  {"name":"e","type":{"type":"enum","name":"E","symbols":["A","B","C"]}},
  {"name":"a","type":{"type":"array","items":{"type":"array","items":"X"}}},
  {"name":"m","type":{"type":"map","values":["null","E",{"type":"map","values":"double"}]}},
  {"name":"u","type":["null","string",{"type":"record","name":"P","fields":[
    {"name":"x","type":"double"},{"name":"n","type":"long"}]}]},
  {"name":"p","type":"P"}]})";

std::string record_of(const std::string& fields) {
  return R"({"type":"record","name":"R","namespace":"t","fields":[)" + fields + "]}";
}

std::string synthetic(DatumSchema* schema, const FeedOptions& options, uint64_t number) {
  fill_synthetic(schema->root(), options, number, static_cast<double>(number) / 100, 0,
                 schema->fresh());
  return schema->encode();
}

int64_t long_at_front(const std::string& bytes) {
  const uint8_t* at = reinterpret_cast<const uint8_t*>(bytes.data());
  int64_t value = 0;
  REQUIRE(get_varint(&at, at + bytes.size(), &value) == VarintStatus::kOk);
  return value;
}

double double_at(const std::string& bytes, size_t offset) {
  double value;
  REQUIRE(bytes.size() >= offset + sizeof value);
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

// The exit code that the words lead to, or -1 where sdr-feed would go on.
int parse(std::vector<std::string> words, FeedOptions* out) {
  std::vector<char*> argv;
  words.insert(words.begin(), "sdr-feed");
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  *out = FeedOptions();
  return parse_feed_options(static_cast<int>(words.size()), argv.data(), out);
}

int parse_with(std::initializer_list<const char*> more) {
  std::vector<std::string> words = {"127.0.0.1:1", "--schema", "s", "--rate", "1"};
  words.insert(words.end(), more.begin(), more.end());
  FeedOptions options;
  return parse(words, &options);
}

}  // namespace

TEST_CASE("feed: synthetic datums of a schema of every type are valid, and vary") {
  DatumSchema schema(kEvery, "");
  const auto layout = std::make_unique<Layout>();
  size_t column;
  REQUIRE(layout->parse(schema.compiled().layout, &column));
  for (Signal signal : {Signal::kSine, Signal::kRamp, Signal::kNoise, Signal::kSquare}) {
    FeedOptions options;
    options.signal = signal;
    std::set<size_t> sizes;
    for (uint64_t n = 0; n < 300; ++n) {
      const std::string bytes = synthetic(&schema, options, n);
      sizes.insert(bytes.size());
      REQUIRE(layout->validate(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()) ==
              Reject::kNone);
    }
    CHECK(sizes.size() > 30);
  }
}

TEST_CASE("feed: every branch and every symbol comes up") {
  DatumSchema schema(R"(["null","boolean",{"type":"enum","name":"E","symbols":["A","B","C"]}])",
                     "");
  std::set<std::string> seen;
  for (uint64_t n = 0; n < 200; ++n) seen.insert(synthetic(&schema, FeedOptions(), n));
  CHECK(seen.size() == 1 + 2 + 3);
}

TEST_CASE("feed: the same seed makes the same datums, another one others") {
  const std::string text = record_of(R"({"name":"n","type":"long"},{"name":"s","type":"string"},)"
                                     R"({"name":"y","type":"bytes"},{"name":"d","type":"double"})");
  DatumSchema one(text, "");
  DatumSchema two(text, "");
  FeedOptions options;
  FeedOptions other;
  other.seed = options.seed + 1;
  int different = 0;
  for (uint64_t n = 0; n < 100; ++n) {
    const std::string bytes = synthetic(&one, options, n);
    CHECK(bytes == synthetic(&two, options, n));
    different += bytes != synthetic(&two, other, n);
  }
  CHECK(different > 90);
}

TEST_CASE("feed: the counter is the first plain int or long of the root, or the one named") {
  const std::string text = record_of(
      R"({"name":"t","type":"long","logicalType":"timestamp-micros"},)"
      R"({"name":"in","type":{"type":"record","name":"In","fields":[{"name":"k","type":"long"}]}},)"
      R"({"name":"i","type":"int"},{"name":"l","type":"long"})");
  auto counts = [](const SchemaNode& node) { return node.is_counter; };
  DatumSchema found(text, "");
  CHECK(found.has_counter());
  CHECK(counts(found.root().children[2]));
  CHECK_FALSE(counts(found.root().children[0]));
  CHECK_FALSE(counts(found.root().children[3]));
  DatumSchema named(text, "in.k");
  CHECK(counts(named.root().children[1].children[0]));
  CHECK_FALSE(counts(named.root().children[2]));
  CHECK_THROWS_AS(DatumSchema(text, "in.none"), SchemaError);
  CHECK_THROWS_AS(DatumSchema(text, "in"), SchemaError);
  CHECK_THROWS_AS(DatumSchema(text, "i.k"), SchemaError);
  CHECK_FALSE(DatumSchema(R"("double")", "").has_counter());
}

TEST_CASE("feed: a counter wraps at its field's width") {
  DatumSchema narrow(record_of(R"({"name":"n","type":"int"})"), "");
  DatumSchema wide(record_of(R"({"name":"n","type":"long"})"), "");
  for (const uint64_t n :
       {0ull, 1ull, (1ull << 31) - 1, 1ull << 31, (1ull << 32) - 1, 1ull << 32}) {
    CHECK(long_at_front(synthetic(&narrow, FeedOptions(), n)) == static_cast<int32_t>(n));
    CHECK(long_at_front(synthetic(&wide, FeedOptions(), n)) == static_cast<int64_t>(n));
  }
  CHECK(long_at_front(synthetic(&wide, FeedOptions(), UINT64_MAX)) == -1);
}

TEST_CASE("feed: times carry the time wherever they stand, other logical types do not") {
  const int64_t least_us = 1700000000000000;  // in 2023
  const std::string time = R"({"type":"long","logicalType":"timestamp-micros"})";
  auto first_long = [](const std::string& type, size_t behind) {
    DatumSchema schema(type, "");
    for (uint64_t n = 0; n < 100; ++n) {
      const std::string bytes = synthetic(&schema, FeedOptions(), n);
      if (bytes.size() > behind + 5) return long_at_front(bytes.substr(behind));
    }
    return int64_t{-1};
  };
  CHECK(first_long(time, 0) > least_us);
  CHECK(first_long(record_of(R"({"name":"t","logicalType":"timestamp-micros","type":"long"})"), 0) >
        least_us);
  CHECK(first_long(R"(["null",)" + time + "]", 1) > least_us);
  CHECK(first_long(R"({"type":"array","items":)" + time + "}", 1) > least_us);
  CHECK(first_long(record_of(R"({"name":"t","logicalType":"timestamp-micros",)"
                             R"("type":["null","long"]})"),
                   1) > least_us);
  DatumSchema percent(R"({"type":"int","logicalType":"percent"})", "");
  CHECK(std::abs(long_at_front(synthetic(&percent, FeedOptions(), 7))) <= 1000);
}

TEST_CASE("feed: signals") {
  DatumSchema schema(record_of(R"({"name":"d","type":"double"})"), "");
  auto value = [&](Signal signal, double time_s) {
    FeedOptions options;
    options.signal = signal;
    fill_synthetic(schema.root(), options, 3, time_s, 0, schema.fresh());
    return double_at(schema.encode(), 0);
  };
  CHECK(value(Signal::kSine, 0) == doctest::Approx(0));
  CHECK(value(Signal::kSine, 0.125) == doctest::Approx(1000));  // this place's is a 2 Hz signal
  CHECK(value(Signal::kRamp, 0) == 0);
  CHECK(value(Signal::kRamp, 0.25) == doctest::Approx(500));
  CHECK(value(Signal::kSquare, 0.1) == 1000);
  CHECK(value(Signal::kSquare, 0.3) == -1000);
  for (double t = 0; t < 1; t += 0.1) CHECK(std::abs(value(Signal::kNoise, t)) <= 1000);
}

TEST_CASE("feed: what grows too large for a datagram has fewer items, down to none") {
  DatumSchema schema(R"({"type":"array","items":{"type":"fixed","name":"F","size":30000}})", "");
  bool outgrown = false;
  for (uint64_t n = 0; n < 50; ++n) {
    fill_synthetic(schema.root(), FeedOptions(), n, 0, 0, schema.fresh());
    if (!schema.fits()) {
      outgrown = true;
      CHECK_THROWS_AS(schema.encode(), std::runtime_error);
    }
    fill_synthetic(schema.root(), FeedOptions(), n, 0, 1, schema.fresh());
    CHECK(schema.fits());
    fill_synthetic(schema.root(), FeedOptions(), n, 0, kLessMax, schema.fresh());
    CHECK(schema.encode() == std::string(1, '\0'));
  }
  CHECK(outgrown);
}

TEST_CASE("feed: the command line") {
  FeedOptions options;
  CHECK(parse({"--rate",      "0.5", "[::1]:5",       "--schema=s", "--count",   "1",
               "--duration",  "2.5", "--signal",      "square",     "--seed",    "0",
               "--ttl",       "255", "--source-port", "65535",      "--counter", "a.b",
               "--interface", "lo",  "--json",        "--progress"},
              &options) == -1);
  CHECK(options.destination == "[::1]:5");
  CHECK(options.rate_hz == 0.5);
  CHECK(options.count == 1);
  CHECK(options.duration_s == 2.5);
  CHECK(options.signal == Signal::kSquare);
  CHECK(options.seed == 0);
  CHECK(options.ttl == 255);
  CHECK(options.source_port == 65535);
  CHECK(options.json);
  CHECK(parse({"a:1", "--schema", "s", "--stdin"}, &options) == -1);
  CHECK(parse_with({"--rate", "max"}) == -1);
  CHECK(parse_with({"--rate", "0"}) == -1);
}

TEST_CASE("feed: the command line of a replay") {
  FeedOptions options;
  CHECK(parse({"a:1", "--replay", "x.avro", "y", "--speed", "2.5", "--from", "@5", "--to", "@7.5",
               "--max-gap", "5s", "--time-field", "pose.t:ms", "--config", "c"},
              &options) == -1);
  CHECK(options.is_replay);
  CHECK(options.replay.operands == std::vector<std::string>{"a:1", "x.avro", "y"});
  CHECK(options.replay.speed == 2.5);
  CHECK(options.replay.range.from_us == 5000000);
  CHECK(options.replay.range.to_us == 7500000);
  CHECK(options.replay.gap_max_ns == 5000000000);
  CHECK(options.replay.time_field == "pose.t:ms");
  CHECK(options.replay.place.config_given);
  CHECK_FALSE(options.replay.place.run_given);
  for (const char* speed : {"max", "0"}) {
    CHECK(parse({"--replay", "x=a:1", "--speed", speed}, &options) == -1);
    CHECK(options.replay.speed == 0);
  }
  CHECK(parse({"--replay", "--to-fleet", "--all", "--run", "r"}, &options) == -1);
  CHECK(options.replay.all);
  for (const char* bad : {"-1", "", "1e7", "nan", "fast"})
    CHECK(parse({"a:1", "--replay", "x", "--speed", bad}, &options) == 100);
  for (const char* bad : {"5", "-1s", "", "5 s"})
    CHECK(parse({"a:1", "--replay", "x", "--max-gap", bad}, &options) == 100);
  for (const char* more : {"--stdin", "--rate=1", "--schema=s", "--count=1", "--all", "--replay=x"})
    CHECK(parse({"a:1", "--replay", "x", more}, &options) == 100);
  CHECK(parse({"--replay"}, &options) == 100);
  CHECK(parse({"--replay", "--to-fleet"}, &options) == 100);
  CHECK(parse({"--replay", "--to-fleet", "--all", "x"}, &options) == 100);
  CHECK(parse({"a:1", "--replay", "x", "--from", "@7", "--to", "@7"}, &options) == 100);
}

TEST_CASE("feed: a command line that is wrong") {
  FeedOptions options;
  CHECK(parse({"--schema", "s", "--rate", "1"}, &options) == 100);
  CHECK(parse({"a:1", "--rate", "1"}, &options) == 100);
  CHECK(parse({"a:1", "--schema", "s"}, &options) == 100);
  CHECK(parse_with({"b:2"}) == 100);
  CHECK(parse_with({"--stdin"}) == 100);
  CHECK(parse_with({"--replay"}) == 100);
  CHECK(parse_with({"--speed", "2"}) == 100);
  CHECK(parse_with({"--no-such-option"}) == 100);
  CHECK(parse_with({"--count"}) == 100);
  for (const char* bad : {"-1", "", "1x", "nan", "inf", "1e10"})
    CHECK(parse_with({"--rate", bad}) == 100);
  for (const char* bad : {"0", "-1", "", "1.5", "18446744073709551616"})
    CHECK(parse_with({"--count", bad}) == 100);
  for (const char* bad : {"0", "-1", "x"}) CHECK(parse_with({"--duration", bad}) == 100);
  for (const char* bad : {"256", "-1", "x"}) CHECK(parse_with({"--ttl", bad}) == 100);
  for (const char* bad : {"0", "65536"}) CHECK(parse_with({"--source-port", bad}) == 100);
  CHECK(parse_with({"--signal", "saw"}) == 100);
}
