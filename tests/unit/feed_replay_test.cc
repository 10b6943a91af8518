#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "relay/format/varint.h"
#include "tools/feed/batch_queue.h"
#include "tools/feed/lateness.h"
#include "tools/feed/pace.h"
#include "tools/feed/pace_field.h"
#include "tools/feed/replay_plan.h"
#include "tools/feed/replay_text.h"
#include "tools/recording/block_times.h"

using namespace sdr;
using namespace sdr::recording;

namespace {

constexpr int64_t kSecond = 1000000000;

std::vector<int64_t> times_of(const BlockTimes::Spread& spread, int64_t datums) {
  std::vector<int64_t> found;
  for (int64_t i = 0; i < datums; ++i) found.push_back(spread.at(i) / 1000);
  return found;
}

IndexRow row(uint64_t offset, uint64_t datums, int64_t first_us, int64_t last_us) {
  return {offset, datums, true, first_us, last_us, {}};
}

IndexRow row_without_times(uint64_t offset, uint64_t datums) {
  return {offset, datums, false, 0, 0, {}};
}

ReplayOptions operands(std::vector<std::string> words, bool to_fleet = false) {
  ReplayOptions options;
  options.operands = std::move(words);
  options.to_fleet = to_fleet;
  return options;
}

}  // namespace

TEST_CASE("replay: a datum is due its time after the start, whatever the speed") {
  for (const double speed : {0.5, 1.0, 10.0, 60.0, 600.0}) {
    Pace pace(speed, -1);
    pace.start(5 * kSecond, 1795378500 * kSecond);
    CHECK(pace.due(1795378500 * kSecond) == 5 * kSecond);
    const int64_t hour_ns = 3600 * kSecond;
    const double after_ns = static_cast<double>(hour_ns) / speed;
    CHECK(pace.due(1795378500 * kSecond + hour_ns) == 5 * kSecond + static_cast<int64_t>(after_ns));
    CHECK(pace.due(1795378500 * kSecond + hour_ns) == 5 * kSecond + static_cast<int64_t>(after_ns));
  }
  Pace all_at_once(0, -1);
  all_at_once.start(7, 0);
  CHECK(all_at_once.due(0) == 7);
  CHECK(all_at_once.due(kTimeMax_ns) == 7);
}

TEST_CASE("replay: the extremes of time neither overflow nor come early") {
  for (const double speed : {1e-6, 1.0, 1e6}) {
    Pace pace(speed, -1);
    pace.start(INT64_MAX / 2, -kTimeMax_ns);
    int64_t last_ns = pace.due(-kTimeMax_ns);
    for (const int64_t time_ns : {int64_t{0}, int64_t{1}, kTimeMax_ns}) {
      const int64_t due_ns = pace.due(time_ns);
      CHECK(due_ns >= last_ns);
      last_ns = due_ns;
    }
  }
  CHECK(clamp_time_ns(__int128{INT64_MAX} * 1000) == kTimeMax_ns);
  CHECK(clamp_time_ns(__int128{INT64_MIN} * 1000) == -kTimeMax_ns);
  CHECK(clamp_time_ns(-5) == -5);
}

TEST_CASE("replay: pauses are cut to --max-gap, each") {
  Pace pace(2, kSecond);
  pace.start(0, 0);
  CHECK(pace.due(kSecond) == kSecond / 2);
  CHECK(pace.due(101 * kSecond) == kSecond);
  CHECK(pace.due(101 * kSecond) == kSecond);
  CHECK(pace.due(102 * kSecond) == 3 * kSecond / 2);
  CHECK(pace.due(1000 * kSecond) == 2 * kSecond);
  CHECK(pace.cut_ns() == 996 * kSecond);
  Pace without(1, 0);
  without.start(0, 0);
  CHECK(without.due(kSecond) == 0);
  CHECK(without.due(2 * kSecond) == 0);
}

TEST_CASE("replay: a timeline never goes back") {
  Timeline timeline;
  CHECK(timeline.place(10 * kSecond) == 10 * kSecond);
  CHECK(timeline.place(12 * kSecond) == 12 * kSecond);
  // Overtaken on its way, up to a second.
  CHECK(timeline.place(11 * kSecond) == 12 * kSecond);
  CHECK(timeline.place(13 * kSecond) == 13 * kSecond);
  CHECK(timeline.clock_steps() == 0);
  // The clock was set back: the interval before is kept.
  CHECK(timeline.place(3 * kSecond) == 14 * kSecond);
  CHECK(timeline.place(5 * kSecond) == 16 * kSecond);
  CHECK(timeline.clock_steps() == 1);
  CHECK(timeline.place(kTimeMax_ns) == kTimeMax_ns);
  CHECK(timeline.place(-kTimeMax_ns) == kTimeMax_ns);
  CHECK(timeline.place(0) <= kTimeMax_ns);
  CHECK(timeline.clock_steps() == 2);
}

TEST_CASE("replay: by the index, datums lie evenly within their block") {
  BlockTimes times({row(100, 3, 1000, 3000), row(200, 1, 4000, 4000), row(300, 2, 4000, 6000),
                    row(400, 0, 7000, 7000), row(500, 3, 7000, 6500)},
                   500);
  CHECK(times_of(times.next(100, 3), 3) == std::vector<int64_t>{1000, 2000, 3000});
  CHECK(times_of(times.next(200, 1), 1) == std::vector<int64_t>{4000});
  // Its first time is that of the datum before.
  CHECK(times_of(times.next(300, 2), 2) == std::vector<int64_t>{5000, 6000});
  // The clock was set within it.
  CHECK(times_of(times.next(500, 3), 3) == std::vector<int64_t>{7000, 7000, 7000});
}

TEST_CASE("replay: blocks without times lie between those around them") {
  BlockTimes times({row_without_times(10, 2), row_without_times(20, 1), row(30, 2, 5000, 6000),
                    row_without_times(40, 1), row_without_times(50, 2), row(60, 1, 10000, 10000),
                    row(70, 3, 11000, 13000), row_without_times(80, 2)},
                   1000);
  CHECK(times_of(times.next(10, 2), 2) == std::vector<int64_t>{2000, 3000});
  CHECK(times_of(times.next(20, 1), 1) == std::vector<int64_t>{4000});
  CHECK(times_of(times.next(30, 2), 2) == std::vector<int64_t>{5000, 6000});
  CHECK(times_of(times.next(40, 1), 1) == std::vector<int64_t>{7000});
  CHECK(times_of(times.next(50, 2), 2) == std::vector<int64_t>{8000, 9000});
  CHECK(times_of(times.next(70, 3), 3) == std::vector<int64_t>{11000, 12000, 13000});
  CHECK(times_of(times.next(80, 2), 2) == std::vector<int64_t>{14000, 15000});
  // No row at all: at the same rate.
  CHECK(times_of(times.next(90, 2), 2) == std::vector<int64_t>{16000, 17000});
  CHECK(times_of(times.next(99, 1), 1) == std::vector<int64_t>{18000});
  BlockTimes early({row_without_times(10, 2), row(30, 2, 5000, 6000)}, -1);
  CHECK(times_of(early.next(10, 2), 2) == std::vector<int64_t>{3000, 4000});
  BlockTimes none({}, -1);
  CHECK(times_of(none.next(10, 2), 2) == std::vector<int64_t>{0, 0});
}

TEST_CASE("replay: a named field and its unit") {
  const auto schema = [](const std::string& type) {
    return R"({"type":"record","name":"R","fields":[{"name":"n","type":"long"},)"
           R"({"name":"in","type":{"type":"record","name":"I","fields":[{"name":"t","type":)" +
           type + "}]}}]}";
  };
  const auto unit_of = [&](const std::string& type, const char* text) {
    std::string why;
    const std::optional<PaceField> found = find_pace_field(schema(type), text, &why);
    CHECK(found.has_value() == why.empty());
    if (found) CHECK(found->path == std::vector<uint32_t>{1, 0});
    return found ? found->unit_ns : 0;
  };
  CHECK(unit_of(R"({"type":"long","logicalType":"timestamp-millis"})", "in.t") == 1000000);
  CHECK(unit_of(R"({"type":"long","logicalType":"local-timestamp-micros"})", "in.t") == 1000);
  CHECK(unit_of(R"({"type":"long","logicalType":"timestamp-nanos"})", "in.t") == 1);
  CHECK(unit_of(R"({"type":"int","logicalType":"time-millis"})", "in.t") == 1000000);
  CHECK(unit_of(R"({"type":"int","logicalType":"date"})", "in.t") == 0);
  CHECK(unit_of(R"({"type":"long","logicalType":"timestamp-millis"})", "in.t:s") == kSecond);
  CHECK(unit_of("\"double\"", "in.t") == kSecond);
  CHECK(unit_of("\"float\"", "in.t:ms") == 1000000);
  CHECK(unit_of("\"long\"", "in.t") == 0);
  CHECK(unit_of("\"int\"", "in.t:ns") == 1);
  CHECK(unit_of("\"string\"", "in.t:ns") == 0);
  CHECK(unit_of("[\"null\",\"long\"]", "in.t:ns") == 0);
  CHECK(unit_of("\"long\"", "in.u:ns") == 0);
  for (const char* bad : {"", ":ms", "t:", "t:min", "t:ms:ms"})
    CHECK_FALSE(is_pace_field_text(bad));
  CHECK(is_pace_field_text("a.b"));
  CHECK(is_pace_field_text("a.b:us"));
}

TEST_CASE("replay: numbers of a named field as times") {
  const auto time_of = [](double value, int64_t unit_ns) {
    uint8_t bytes[sizeof value + 1] = {};
    std::memcpy(bytes + 1, &value, sizeof value);
    return PaceField{{}, PaceField::Number::kDouble, unit_ns}.time_ns(bytes, 1);
  };
  CHECK(time_of(1.5, kSecond) == 3 * kSecond / 2);
  CHECK(time_of(1e300, kSecond) == kTimeMax_ns);
  CHECK(time_of(-1e300, 1) == -kTimeMax_ns);
  CHECK_FALSE(time_of(std::nan(""), 1).has_value());
  CHECK_FALSE(time_of(INFINITY, 1).has_value());
  uint8_t bytes[10];
  const size_t size = put_varint(INT64_MAX, bytes);
  CHECK(PaceField{{}, PaceField::Number::kVarint, 1000}.time_ns({bytes, size}, 0) == kTimeMax_ns);
}

TEST_CASE("replay: percentiles of lateness are right to 7 %") {
  Lateness lateness;
  CHECK(lateness.percentile_ns(0.99) == 0);
  for (int64_t n = 1; n <= 100000; ++n) lateness.add(n * 10);
  for (const double share : {0.01, 0.5, 0.99, 0.999}) {
    const double found = static_cast<double>(lateness.percentile_ns(share));
    CHECK(found >= share * 1e6);
    CHECK(found <= share * 1e6 * 1.07);
  }
  CHECK(lateness.max_ns() == 1000000);
  CHECK(lateness.percentile_ns(1) == 1000000);
  Lateness edges;
  for (const int64_t late_ns : {int64_t{-5}, int64_t{0}, int64_t{31}, int64_t{32}, INT64_MAX}) {
    edges.add(late_ns);
    CHECK(edges.last_ns() == std::max<int64_t>(late_ns, 0));
  }
  CHECK(edges.count() == 5);
  CHECK(edges.percentile_ns(0.2) == 0);
  CHECK(edges.percentile_ns(0.6) == 31);
  CHECK(edges.percentile_ns(0.8) == 33);
  CHECK(edges.percentile_ns(1) == INT64_MAX);
}

TEST_CASE("replay: what is put into a queue comes out in order, and it is bounded") {
  BatchQueue queue(3);
  std::thread reader([&] {
    for (int64_t n = 0; n < 1000; ++n) {
      Batch* const batch = queue.take_empty();
      REQUIRE(batch);
      REQUIRE(batch->datums.empty());
      batch->add(n, std::span(reinterpret_cast<const uint8_t*>(&n), sizeof n));
      queue.put_full(batch);
    }
    queue.end();
  });
  CHECK(queue.wait_first(std::chrono::seconds(60)));
  CHECK(queue.wait_ready(std::chrono::steady_clock::now() + std::chrono::seconds(60)));
  int64_t n = 0;
  while (Batch* batch = queue.take_full(std::chrono::seconds(60))) {
    int64_t content;
    REQUIRE(batch->bytes_of(0).size() == sizeof content);
    std::memcpy(&content, batch->bytes_of(0).data(), sizeof content);
    CHECK(content == n);
    CHECK(batch->datums[0].time_ns == n++);
    queue.put_empty(batch);
  }
  CHECK(n == 1000);
  CHECK(queue.is_at_end());
  reader.join();
  queue.close();
  CHECK(queue.take_empty() == nullptr);
}

TEST_CASE("replay: operands") {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  CHECK(pair_operands(operands({"a:1", "x", "channel=y"})) ==
        Pairs{{"x", "a:1"}, {"channel=y", "a:1"}});
  CHECK(pair_operands(operands({"[::1]:5", "x"})) == Pairs{{"x", "[::1]:5"}});
  CHECK(pair_operands(operands({"s/channel=x=a:1", "y=[ff15::1]:6000"})) ==
        Pairs{{"s/channel=x", "a:1"}, {"y", "[ff15::1]:6000"}});
  CHECK(pair_operands(operands({"x", "channel=y"}, true)) == Pairs{{"x", ""}, {"channel=y", ""}});
  for (const std::vector<std::string>& bad : {std::vector<std::string>{"x"},
                                              {"a:1"},
                                              {"x=a:1", "y"},
                                              {"a:1", "x=b:2"},
                                              {"a:1", "b:2"},
                                              {"channel=x", "y"},
                                              {"=a:1", "x"},
                                              {"./a:1", "x"},
                                              {"a:123456", "x"},
                                              {"a:", "x"}})
    CHECK_THROWS_AS(pair_operands(operands(bad)), PlanError);
  CHECK_THROWS_AS(pair_operands(operands({"a:1", "x"}, true)), PlanError);
  CHECK_THROWS_AS(pair_operands(operands({"x=a:1"}, true)), PlanError);
}

TEST_CASE("replay: what it says") {
  CHECK(late_text(0) == "0 us");
  CHECK(late_text(999400) == "999 us");
  CHECK(late_text(1500000) == "1.5 ms");
  CHECK(late_text(2 * kSecond) == "2.0 s");
  CHECK(long_text(0) == "0 s");
  CHECK(long_text(59.6) == "1 min 0 s");
  CHECK(long_text(3599) == "59 min 59 s");
  CHECK(long_text(7200) == "2 h 0 min");
  CHECK(long_text(90000) == "1 d 1 h");
  CHECK(long_text(1e30) != "");
  ReplayState state = {.datagrams = 1200,
                       .bytes = 24000,
                       .seconds = 2,
                       .late_p50_ns = 21000,
                       .late_p99_ns = 60000,
                       .late_max_ns = 812000,
                       .late_last_ns = 30000,
                       .recorded_at_ns = 1795378500 * kSecond + 123456789,
                       .played_ns = 120 * kSecond,
                       .to_play_ns = 1000 * kSecond,
                       .speed = 60};
  const std::string line = progress_text(state);
  CHECK(line.starts_with(" 12%  20"));
  CHECK(line.find('.') == line.find(".0/s"));
  CHECK(
      line.ends_with(", 1200 datagrams, 600.0/s, late by 21 us p50, 60 us p99, 812 us max, "
                     "15 s left"));
  CHECK(summary_text(state) ==
        "sdr-feed: sent 1200 datagrams, 24000 bytes in 2.000 s (600.0/s), 0 errors\n"
        "sdr-feed: late by 21 us p50, 60 us p99, 812 us at most; the last datum by 30 us\n");
  CHECK(summary_json(state) ==
        R"({"datagrams":1200,"bytes":24000,"seconds":2.0,"rate_hz":600.0,"errors":0,"refused":0,)"
        R"("recorded_seconds":120.0,"clock_steps":0,"slow_reads":0,"late_us":)"
        R"({"p50":21.0,"p99":60.0,"max":812.0,"last":30.0}})"
        "\n");
  state.speed = 0;
  state.is_paced = false;
  state.clock_steps = 1;
  state.slow_reads = 5;
  CHECK(progress_text(state).ends_with("600.0/s, 15 s left"));
  CHECK(summary_text(state).find("late") == std::string::npos);
  CHECK(summary_text(state).ends_with("1 time: the pace went on as it was\n"));
  state.to_play_ns.reset();
  CHECK(progress_text(state).ends_with("600.0/s"));
}
