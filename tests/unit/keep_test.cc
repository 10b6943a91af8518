#include "tools/prune/keep.h"

#include <doctest/doctest.h>

#include <cstdlib>

#include "tools/prune/keep_manifest.h"

using namespace sdr;
using namespace sdr::prune;

namespace {

constexpr int64_t kStart = 1732305600000000;  // 2024-11-22T20:00:00Z

KeptSegment segment(int64_t number) {
  return {.directory = "date=2024-11-22",
          .name = "engine_" + std::to_string(number) + ".avro",
          .start_us = kStart + number * 1000000,
          .bytes = 1000,
          .has_index = true,
          .index_bytes = 10,
          .has_times = true,
          .first_time_us = kStart + number * 1000000,
          .last_time_us = kStart + number * 1000000 + 999999,
          .datums = 7,
          .sha256 = "aa",
          .index_sha256 = "bb",
          .schema_file = "schemas/engine.avsc"};
}

// Of sound segments with sound indexes.
KeptChannel channel(int64_t count) {
  KeptChannel made = {.name = "engine"};
  for (int64_t i = 0; i < count; ++i) {
    made.segments.push_back(segment(i));
    recording::Tally tally;
    tally.account.index = recording::Account::Index::kRead;
    made.completeness.add(tally);
  }
  return made;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("keep: paths of a segment and its index") {
  KeptSegment one = segment(3);
  CHECK(one.path() == "date=2024-11-22/engine_3.avro");
  CHECK(one.index_path() == "date=2024-11-22/engine_3.index");
  one.directory = "";
  CHECK(one.path() == "engine_3.avro");
  CHECK(one.index_path() == "engine_3.index");
}

TEST_CASE("keep: sizes are of segments, indexes and rejects") {
  KeptChannel one = channel(2);
  CHECK(size_of(one).segments == 2);
  CHECK(size_of(one).bytes == 2020);
  one.rejected.push_back({.directory = "rejected", .name = "engine_9.avro", .bytes = 5});
  CHECK(size_of(one).segments == 3);
  CHECK(size_of(one).bytes == 2025);
  KeptRun run;
  CHECK(size_of(run).segments == 0);
  CHECK(size_of(run).bytes == 0);
  run.channels = {one, channel(1)};
  CHECK(size_of(run).segments == 4);
  CHECK(size_of(run).bytes == 3035);
}

TEST_CASE("keep: completeness knows of what is left out") {
  KeptChannel one = channel(1);
  CHECK(completeness_text(one) == "complete");
  one.left_out.push_back({".open", "why"});
  CHECK(completeness_text(one) == "not complete: 1 file could not be kept");
  recording::Tally tally;
  tally.account.index = recording::Account::Index::kRead;
  tally.account.losses.unrecorded = 4;
  one.completeness.add(tally);
  CHECK(completeness_text(one) == "not complete: 4 unrecorded; 1 file could not be kept");
  one.left_out.clear();
  CHECK(completeness_text(one) == "not complete: 4 unrecorded");
  CHECK(completeness_text(channel(0)) == "nothing is recorded");
  KeptChannel none = channel(0);
  none.left_out = {{".open", "why"}, {"a", "b"}};
  CHECK(completeness_text(none) == "not complete: 2 files could not be kept");
  KeptChannel unknown = channel(0);
  unknown.segments.push_back(segment(0));
  tally = {};
  tally.account.index = recording::Account::Index::kMissing;
  unknown.completeness.add(tally);
  const std::string words = completeness_text(unknown);
  CHECK(words.starts_with("not known to be complete: "));
  unknown.left_out = {{"a", "b"}};
  CHECK(completeness_text(unknown) == "not complete: 1 file could not be kept; " + words);
}

TEST_CASE("keep: a schema is written once for each channel and text") {
  SchemaFiles files;
  CHECK(name_schema("engine", "\"int\"", &files) == "schemas/engine.avsc");
  CHECK(name_schema("engine", "\"long\"", &files) == "schemas/engine.2.avsc");
  CHECK(name_schema("engine2", "\"long\"", &files) == "schemas/engine2.avsc");
  CHECK(name_schema("engine", "\"int\"", &files) == "schemas/engine.avsc");
  CHECK(name_schema("engine", "a/b", &files) == "schemas/engine.3.avsc");
  CHECK(files.size() == 4);
}

TEST_CASE("keep: the line of a channel has the first and the last time of all its segments") {
  setenv("TZ", "UTC", 1);
  tzset();
  KeptChannel one = channel(2);
  std::swap(one.segments[0], one.segments[1]);
  CHECK(channel_text(one) ==
        "engine: 2 segments, 2.0 kB, 14 datums from 2024-11-22T20:00:00.000000+0000 to "
        "2024-11-22T20:00:01.999999+0000: complete");
  one.rejected.push_back({.directory = "rejected", .name = "x", .bytes = 80});
  CHECK(channel_text(one).starts_with("engine: 2 segments and 1 of rejects, 2.1 kB, 14 datums"));
  CHECK(channel_text(channel(0)) == "engine: 0 segments, 0 B, 0 datums: nothing is recorded");
}

TEST_CASE("keep: the manifest says what is known, and null for what is not") {
  KeptRun run = {.name = "hot", .range = {kStart, kStart + 5000000}, .made_us = kStart + 9000000};
  run.channels.push_back(channel(1));
  std::string text = manifest_text(run, false);
  CHECK(has(text, "{\"manifest\":1,\"name\":\"hot\",\"from\":\"2024-11-22T20:00:00.000000Z\""));
  CHECK(!has(text, "dry_run"));
  CHECK(has(text, "\"complete\":true"));
  CHECK(has(text,
            "\"file\":\"channel=engine/date=2024-11-22/engine_0.avro\",\"bytes\":1000,"
            "\"sha256\":\"aa\""));
  CHECK(has(text,
            "\"file\":\"channel=engine/date=2024-11-22/engine_0.index\",\"bytes\":10,"
            "\"sha256\":\"bb\""));
  CHECK(has(text, "\"schema\":\"schemas/engine.avsc\""));
  KeptSegment* const one = &run.channels[0].segments[0];
  *one = {.directory = "", .name = "a\"b.avro", .start_us = kStart};
  run.channels[0].left_out.push_back({".open", "no \"relay\""});
  run.channels.push_back({.name = "pump"});
  text = manifest_text(run, true);
  CHECK(has(text, "\"dry_run\":true"));
  CHECK(has(text, "a\\\"b.avro"));
  CHECK(has(text, "\"first_receive_time\":null"));
  CHECK(has(text, "\"schema\":null"));
  CHECK(has(text, "\"index\":null"));
  CHECK(!has(text, "sha256"));
  CHECK(has(text, "{\"file\":\"channel=engine/.open\",\"why\":\"no \\\"relay\\\"\"}"));
  CHECK(has(text, "\"complete\":null,\"completeness\":\"nothing is recorded\""));
}
