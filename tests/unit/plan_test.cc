#include "tools/gen/plan.h"

#include <doctest/doctest.h>

#include <array>
#include <initializer_list>

#include "tests/unit/fleet_fixture.h"
#include "tools/gen/log_tail.h"

using namespace sdr;

namespace {

ObservedChannel running(const Channel& as) {
  ObservedChannel out;
  out.stored.exists = out.stored.ours = true;
  out.stored.files = tree_of(as);
  REQUIRE(parse_manifest(out.stored.files[kManifestPath].content, &out.stored.manifest));
  out.linked = out.supervised = true;
  return out;
}

}  // namespace

TEST_CASE("the plan: add, change, remove, unchanged, and what is not ours") {
  Channel edited = channel("edited", 3);
  edited.ttl = 5;
  const std::map<std::string, ServiceTree> wanted = {{"same", tree_of(channel("same", 1))},
                                                     {"new", tree_of(channel("new", 2))},
                                                     {"edited", tree_of(edited)},
                                                     {"theirs", tree_of(channel("theirs", 4))}};
  std::map<std::string, ObservedChannel> observed = {{"same", running(channel("same", 1))},
                                                     {"edited", running(channel("edited", 3))},
                                                     {"gone", running(channel("gone", 5))}};
  observed["theirs"].stored.exists = true;
  observed["unwanted"].stored.exists = true;
  const ApplyPlan plan = make_plan(wanted, observed, false);
  REQUIRE(plan.additions.size() == 1);
  CHECK(plan.additions[0].name == "new");
  REQUIRE(plan.removals.size() == 1);
  CHECK(plan.removals[0].name == "gone");
  REQUIRE(plan.unchanged.size() == 1);
  REQUIRE(plan.refused.size() == 1);
  CHECK(plan.refused[0].name == "theirs");
  REQUIRE(plan.changes.size() == 1);
  const ApplyStep& change = plan.changes[0][0];
  CHECK(change.keys == std::vector<std::string>{"ttl"});
  CHECK(change.files == std::vector<std::string>{"run"});
  CHECK(change.restart);
  CHECK_FALSE(change.restart_logger);
  CHECK(change.edited.empty());
  CHECK(causes_text(change) == "ttl");
}

TEST_CASE("the plan tells loggers, keys without effect, edits and interruptions apart") {
  const Channel c = channel("c", 1);
  bool force = true;
  const auto change_of = [&](const ObservedChannel& found) {
    const ApplyPlan plan = make_plan({{"c", tree_of(c)}}, {{"c", found}}, force);
    REQUIRE(plan.changes.size() == 1);
    return plan.changes[0][0];
  };
  ObservedChannel found = running(c);
  found.stored.files["log/run"].content += "x";
  ApplyStep step = change_of(found);
  CHECK(step.restart_logger);
  CHECK_FALSE(step.restart);
  CHECK(step.edited == std::vector<std::string>{"log/run"});
  CHECK(causes_text(step) == "log/run (not the config)");

  found = running(c);
  found.stored.files["run"].mode = 0644;
  CHECK(change_of(found).restart);

  found = running(c);
  found.stored.files["stale"] = {0644, ""};
  CHECK(change_of(found).files == std::vector<std::string>{"stale"});

  found = running(c);
  ServiceFile& manifest = found.stored.files[kManifestPath];
  manifest.content = make_manifest({}, {{"storage.group", "adm"}}, manifest_of(tree_of(c)).start);
  step = change_of(found);
  CHECK_FALSE(step.restart);
  CHECK_FALSE(step.live);
  CHECK(step.action_name() == "update");
  CHECK_FALSE(step.restart_logger);

  Channel limited = c;
  limited.memory_bytes = 1 << 20;
  step = change_of(running(limited));
  CHECK_FALSE(step.restart);
  CHECK(step.live);
  CHECK(step.keys == std::vector<std::string>{"memory"});
  CHECK(step.action_name() == "live");
  limited.ttl = 9;
  CHECK(change_of(running(limited)).action_name() == "restart");

  found = running(c);
  found.interrupted = true;
  found.backup = tree_of(channel("c", 9));
  step = change_of(found);
  CHECK(step.restart);
  CHECK(step.before == found.backup);
  CHECK(step.present == step.after);

  found = running(c);
  found.supervised = false;
  CHECK(make_plan({{"c", tree_of(c)}}, {{"c", found}}, force).additions.size() == 1);
  found = running(c);
  found.linked = false;
  found.link_foreign = true;
  CHECK(make_plan({{"c", tree_of(c)}}, {{"c", found}}, force).refused.size() == 1);
}

TEST_CASE("what was edited by hand is left alone unless it is forced") {
  const Channel c = channel("c", 1);
  ObservedChannel found = running(c);
  found.stored.files["run"].content += "x";
  Channel other = c;
  other.ttl = 7;
  ApplyPlan plan = make_plan({{"c", tree_of(c)}}, {{"c", found}}, false);
  REQUIRE(plan.unchanged.size() == 1);
  CHECK(edited_text(plan.unchanged[0]) == "run");
  plan = make_plan({{"c", tree_of(other)}}, {{"c", found}}, false);
  REQUIRE(plan.refused.size() == 1);
  CHECK(plan.refused[0].reason.starts_with("edited by hand: run;"));
  CHECK(make_plan({}, {{"c", found}}, false).refused.size() == 1);
  CHECK(make_plan({}, {{"c", found}}, true).removals.size() == 1);
  plan = make_plan({{"c", tree_of(other)}}, {{"c", found}}, true);
  REQUIRE(plan.changes.size() == 1);
  CHECK(plan.changes[0][0].restart);
  // An apply that was killed leaves files that differ: that is no edit.
  found.interrupted = true;
  found.backup = tree_of(c);
  CHECK(make_plan({{"c", tree_of(other)}}, {{"c", found}}, false).changes.size() == 1);
}

TEST_CASE("channels that take ports from each other are one batch") {
  const auto plan_of = [](std::initializer_list<std::array<uint16_t, 2>> ports) {
    std::map<std::string, ServiceTree> wanted;
    std::map<std::string, ObservedChannel> observed;
    char name[] = "a";
    for (const std::array<uint16_t, 2>& port : ports) {
      observed[name] = running(channel(name, port[0]));
      wanted[name] = tree_of(channel(name, port[1]));
      ++name[0];
    }
    std::vector<size_t> sizes;
    for (const std::vector<ApplyStep>& batch : make_plan(wanted, observed, false).changes) {
      sizes.push_back(batch.size());
    }
    return sizes;
  };
  using Sizes = std::vector<size_t>;
  CHECK(plan_of({{1, 2}, {3, 4}}) == Sizes{1, 1});
  CHECK(plan_of({{1, 2}, {2, 1}}) == Sizes{2});
  CHECK(plan_of({{1, 2}, {2, 3}, {3, 1}}) == Sizes{3});
  CHECK(plan_of({{1, 2}, {5, 6}, {2, 3}, {6, 5}}) == Sizes{2, 2});
  CHECK(plan_of({{1, 2}, {2, 3}, {5, 6}}) == Sizes{2, 1});
}

TEST_CASE("the last lines of a log, each once, without their times") {
  const std::string time = "2026-11-23 01:15:11.171690513  ";
  CHECK(log_lines("", 5).empty());
  CHECK(log_lines("unfinished", 5).empty());
  CHECK(log_lines(time + "a\n" + time + "b\n" + time + "a\n", 5) ==
        std::vector<std::string>{"b", "a"});
  CHECK(log_lines("a\nb\nc\n", 2) == std::vector<std::string>{"b", "c"});
  CHECK(log_lines("\x1b[31mred\n", 5)[0].find('\x1b') == std::string::npos);
}

TEST_CASE("a program that was replaced restarts its channel, whose files are as they were") {
  const Channel c = channel("c", 1);
  ObservedChannel found = running(c);
  found.outdated = true;
  const auto change_of = [&] {
    ApplyPlan plan = make_plan({{"c", tree_of(c)}}, {{"c", found}}, false);
    REQUIRE(plan.changes.size() == 1);
    return plan.changes[0][0];
  };
  CHECK(change_of().action_name() == "restart");
  CHECK(change_of().files.empty());
  CHECK_FALSE(change_of().restart_logger);
  CHECK(causes_text(change_of()) == "another sdr-relay is installed");
  found.stored.files["run"].content += "# by hand";
  const ApplyPlan plan = make_plan({{"c", tree_of(c)}}, {{"c", found}}, false);
  REQUIRE(plan.refused.size() == 1);
  CHECK(plan.refused[0].edited == std::vector<std::string>{"run"});
}
