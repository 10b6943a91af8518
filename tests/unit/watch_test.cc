#include <doctest/doctest.h>

#include <random>

#include "tools/stat/watch_page.h"

using namespace sdr::status;

namespace {

WatchRow row(const char* name, int severity = 0, double rate = 100) {
  WatchRow made = {.name = name, .state = severity == 2 ? "down" : "up", .severity = severity};
  made.rate = rate;
  made.has_rate = true;
  made.disk = "ok";
  made.history = {0, 50, rate};
  if (severity > 0)
    made.troubles.push_back({severity == 2 ? Severity::kDown : Severity::kNow, "kind",
                             "something is wrong: see to it that it is not"});
  return made;
}

std::string text_of(const Line& line) {
  std::string text;
  for (const Span& span : line) text += span.text;
  return text.erase(text.find_last_not_of(' ') + 1);
}

std::vector<std::string> texts(const std::vector<WatchRow>& rows, size_t width, size_t height,
                               WatchMode mode = {}, const std::string& message = "") {
  std::vector<std::string> found;
  for (const Line& line : watch_page(rows, "host  12:00:00", message, width, height, &mode))
    found.push_back(text_of(line));
  return found;
}

std::string order(WatchSort sort, bool reversed, std::vector<WatchRow> rows) {
  sort_rows(sort, reversed, &rows);
  std::string names;
  for (const WatchRow& one : rows) names += one.name;
  return names;
}

}  // namespace

TEST_CASE("watch: bars are as high as their share of the highest") {
  CHECK(sparkline({}, 3, true) == "   ");
  CHECK(sparkline({0}, 3, true) == "  ▁");
  CHECK(sparkline({0, 1, 2, 3, 4, 5, 6, 7, 8}, 9, true) == "▁▂▃▄▅▆▇██");
  CHECK(sparkline({0, 1, 2, 3, 4, 5, 6, 7, 8}, 9, false) == "_.:-=+*##");
  CHECK(sparkline({9, 9, 1, 2}, 2, true) == "▅█");
  CHECK(sparkline({-1, 5, -1, 5}, 4, true) == " █ █");
  CHECK(sparkline({1, 2}, 0, true).empty());
}

TEST_CASE("watch: a channel that goes is forgotten") {
  View view;
  view.name = "a";
  view.now = view.before = std::make_shared<sdr::CountersPage>();
  view.interval_s = 1;
  WatchHistory history;
  history.rows({view});
  CHECK(history.rows({view})[0].history == std::deque<double>{0, 0});
  CHECK(history.rows({}).empty());
  CHECK(history.rows({view})[0].history == std::deque<double>{0});
}

TEST_CASE("watch: orders") {
  WatchRow slow = row("c", 0, 5);
  slow.p99_ns = 9000;
  WatchRow lossy = row("b", 0, 10);
  lossy.drops = 3;
  const std::vector<WatchRow> rows = {slow, row("a", 1, 7), lossy, row("d", 2, 0)};
  CHECK(order(WatchSort::kTrouble, false, rows) == "dabc");
  CHECK(order(WatchSort::kTrouble, true, rows) == "bcad");
  CHECK(order(WatchSort::kName, false, rows) == "abcd");
  CHECK(order(WatchSort::kName, true, rows) == "dcba");
  CHECK(order(WatchSort::kRate, false, rows) == "bacd");
  CHECK(order(WatchSort::kLoss, false, rows) == "bacd");
  CHECK(order(WatchSort::kLatency, false, rows) == "cabd");
}

TEST_CASE("watch: a page of 80 by 24") {
  const std::vector<std::string> page = texts({row("engine", 1), row("pose")}, 80, 24);
  REQUIRE(page.size() == 24);
  CHECK(page[0].starts_with("2 channels  1 in trouble  by trouble"));
  CHECK(page[0].ends_with("host  12:00:00"));
  CHECK(page[1].starts_with("NAME"));
  CHECK(page[1].ends_with("DISK    P99"));
  CHECK(page[2].starts_with("engine up"));
  CHECK(page[3].starts_with("pose   up"));
  CHECK(page[4].empty());
  CHECK(page[5] == "engine: something is wrong: see to it that it is not");
  CHECK(page[23].starts_with("q quit"));
}

TEST_CASE("watch: more troubles and rows than there is room for") {
  std::vector<WatchRow> rows;
  std::vector<std::string> names;
  for (int i = 0; i < 60; ++i) names.push_back("channel" + std::to_string(100 + i));
  for (const std::string& name : names) rows.push_back(row(name.c_str(), 1));
  const std::vector<std::string> page = texts(rows, 80, 24);
  REQUIRE(page.size() == 24);
  CHECK(page[2].starts_with("channel100"));
  CHECK(page[22].starts_with("and "));
  CHECK(page[22].ends_with(" more: sdr-stat says all"));
  WatchMode mode;
  mode.top = 1000;
  watch_page(rows, "", "", 80, 24, &mode);
  CHECK(mode.top == 60 - mode.page_rows);
  CHECK(mode.page_rows >= 12);
  mode.top = 5;
  CHECK(text_of(watch_page(rows, "", "", 80, 24, &mode)[2]).starts_with("channel105"));
}

TEST_CASE("watch: no size makes a line too long or one too many") {
  std::mt19937 random(20261123);
  std::vector<WatchRow> rows = {
      row("a-channel-with-a-name-of-sixty-three-characters-which-is-most-x", 1), row("b", 2)};
  for (int i = 0; i < 30; ++i) rows.push_back(row("c", i % 3));
  for (size_t width = 1; width < 200; width += 1 + random() % 4) {
    for (size_t height = 1; height < 60; height += 1 + random() % 4) {
      for (const bool help : {false, true}) {
        WatchMode mode = {.help = help, .utf8 = true};
        const auto page = watch_page(rows, "host  12:00:00", "", width, height, &mode);
        CHECK(page.size() <= height);
        for (const Line& line : page) CHECK(columns_of(text_of(line)) <= width);
      }
    }
  }
}

TEST_CASE("watch: help, a message, a pause") {
  CHECK(texts({}, 80, 24, {.help = true})[1].starts_with("t n r l p"));
  CHECK(texts({}, 80, 24, {}, "no channels in /run/x")[2] == "no channels in /run/x");
  CHECK(texts({row("a")}, 80, 24, {.paused = true})[0].find("PAUSED") != std::string::npos);
  CHECK(texts({row("a")}, 80, 24)[0].starts_with("1 channel  all well"));
}
