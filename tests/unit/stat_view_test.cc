#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <sstream>
#include <string>

#include "tools/stat/percentile.h"
#include "tools/stat/service.h"
#include "tools/stat/supervised.h"
#include "tools/stat/view.h"

using namespace sdr;
using namespace sdr::status;

TEST_CASE("stat: percentiles are upper bounds of their bucket") {
  Counter buckets[4] = {};
  CHECK_FALSE(percentile(buckets, 500, 0));
  set(buckets[0], 1);
  CHECK(percentile(buckets, 0, 1) == 1);  // never more than the largest seen
  CHECK(percentile(buckets, 1000, 100) == 2);
  set(buckets[1], 98);
  set(buckets[2], 1);
  CHECK(percentile(buckets, 10, 100) == 2);
  CHECK(percentile(buckets, 11, 100) == 4);
  CHECK(percentile(buckets, 990, 100) == 4);
  CHECK(percentile(buckets, 999, 100) == 8);
  set(buckets[3], 100);  // the last one has no bound
  CHECK(percentile(buckets, 999, 1234) == 1234);
  for (Counter& bucket : buckets) set(bucket, UINT64_MAX / 2);
  CHECK(percentile(buckets, 500, 100) == 4);
}

TEST_CASE("stat: what s6-svstat says") {
  const std::optional<Service> up = parse_svstat("true true true 61 4711\n");
  REQUIRE(up);
  CHECK(up->state == State::kUp);
  CHECK(up->for_s == 61);
  CHECK(up->pid == 4711);
  CHECK(up->wanted_up);
  CHECK(parse_svstat("true true false 0 1")->state == State::kStarting);
  const std::optional<Service> down = parse_svstat("false true false 5 -1\n");
  REQUIRE(down);
  CHECK(down->state == State::kDown);
  CHECK(down->pid == 0);
  CHECK(down->wanted_up);
  for (const char* bad : {"", "up", "true true true 61", "true true maybe 1 2",
                          "true true true x 2", "true true true 1 2 3"})
    CHECK_FALSE(parse_svstat(bad));
}

TEST_CASE("stat: rates between readings") {
  CHECK(rate(100, 300, 2) == 100);
  CHECK(rate(300, 100, 2) == 0);
  CHECK(rate(100, 300, 0) == 0);
}

TEST_CASE("stat: a page of zeros has all its members") {
  View view;
  view.name = "engine";
  view.now = std::make_unique<CountersPage>();
  std::string text;
  JsonWriter out(&text);
  print_json(view, &out);
  CHECK(text.find("\"rates\"") == std::string::npos);
  for (const char* part : {"{\"name\":\"engine\",\"state\":\"down\"", "\"received\":0",
                           "\"rejected_by_reason\":{\"short\":0,", "\"streams\":[]", "\"p50\":null",
                           "\"disk\":\"off\"", "\"uptime_s\":null", "\"silent\":false",
                           "\"sequence\":{\"gaps\":null,\"lost\":null,",
                           "\"silence\":{\"limit_ns\":null,\"since_time_ns\":null,"})
    CHECK_MESSAGE(text.find(part) != std::string::npos, part);
}

TEST_CASE("stat: the table gives way in its names only") {
  std::vector<View> views(2);
  views[0].name = "a";
  views[1].name = std::string(63, 'n');
  for (View& view : views) view.now = std::make_unique<CountersPage>();
  auto longest = [&](size_t width) {
    std::istringstream lines(table_text(views, width));
    size_t most = 0;
    for (std::string line; std::getline(lines, line);) most = std::max(most, line.size());
    return most;
  };
  CHECK(longest(0) > 80);
  CHECK(longest(80) <= 80);
  CHECK(table_text(views, 80).find("nn~ down") != std::string::npos);
  CHECK(table_text(views, 10).find("nnnnnnn~") != std::string::npos);
  CHECK(table_text(views, 0).find(views[1].name + " down") != std::string::npos);
}

TEST_CASE("stat: no number, name or state makes the table wider than it may be") {
  std::mt19937_64 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::vector<View> views(1 + random() % 4);
    for (View& view : views) {
      view.name = std::string(1 + random() % 63, static_cast<char>('a' + random() % 26));
      view.time_ns = random();
      view.now = std::make_unique<CountersPage>();
      for (auto* counter :
           {&view.now->receiver.received, &view.now->receiver.stale, &view.now->receiver.rejected,
            &view.now->receiver.sequence.lost, &view.now->receiver.latency[random() % 36],
            &view.now->receiver.streams[0].datagrams, &view.now->receiver.streams[1].datagrams,
            &view.now->writer.recorded, &view.now->receiver.unrecorded,
            &view.now->receiver.kernel_drops})
        set(*counter, random() >> random() % 64);
      set(view.now->receiver.latency_max_ns, random() >> random() % 64);
      set(view.now->receiver.has_sequence, random() % 2);
      set(view.now->receiver.silent_since_ns, random() % 2 ? random() : 0);
      set(view.now->writer.disk_state, random() % 6);
      view.service.state = static_cast<State>(random() % 3);
      view.service.for_s = random() >> random() % 64;
    }
    std::istringstream lines(table_text(views, 80));
    for (std::string line; std::getline(lines, line);) CHECK_MESSAGE(line.size() <= 80, line);
    for (const View& view : views)
      CHECK(table_text(views, 80).find(view.name.substr(0, 7)) != std::string::npos);
  }
}

TEST_CASE("stat: the table has a column for what was stale only where something was") {
  std::vector<View> views(1);
  views[0].name = "engine";
  views[0].now = std::make_unique<CountersPage>();
  CHECK(table_text(views, 0).find("STALE") == std::string::npos);
  set(views[0].now->receiver.stale, 4711);
  const std::string text = table_text(views, 0);
  CHECK(text.find(" DROPS STALE DISK") != std::string::npos);
  CHECK(text.find("     0  4711 off") != std::string::npos);
}

TEST_CASE("stat: the table has a column for lost numbers only where some are lost") {
  std::vector<View> views(2);
  for (View& view : views) view.now = std::make_unique<CountersPage>();
  views[0].name = "engine";
  views[1].name = "host";
  set(views[0].now->receiver.sequence.lost, 4711);  // left by what was watched once
  CHECK(table_text(views, 0).find("LOST") == std::string::npos);
  set(views[0].now->receiver.has_sequence, 1);
  const std::string text = table_text(views, 0);
  CHECK(text.find(" DROPS LOST DISK") != std::string::npos);
  CHECK(text.find("     0 4711 off") != std::string::npos);
  CHECK(text.find("     0    - off") != std::string::npos);
}

TEST_CASE("stat: a channel that is up but silent says so, and for how long") {
  constexpr uint64_t kSecond_ns = 1'000'000'000;
  std::vector<View> views(1);
  View& view = views[0];
  view.name = "engine";
  view.now = std::make_unique<CountersPage>();
  view.time_ns = 1000 * kSecond_ns;
  view.service.state = State::kUp;
  auto shows = [&](const char* words) {
    return table_text(views, 0).find(words) != std::string::npos;
  };
  CHECK(shows("engine up  "));
  set(view.now->receiver.silent_since_ns, 988 * kSecond_ns);
  CHECK(shows("engine silent 12s "));
  set(view.now->receiver.silent_since_ns, 2000 * kSecond_ns);  // the clock was set back
  CHECK(shows("engine silent 0s "));
  view.service.state = State::kDown;
  CHECK(shows("engine down "));
  CHECK_FALSE(is_silent(view));
}
