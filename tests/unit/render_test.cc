#include "tools/gen/render.h"

#include <doctest/doctest.h>

#include <array>
#include <initializer_list>

#include "tools/gen/log_tail.h"
#include "tools/gen/plan.h"

using namespace sdr;

namespace {

const ServiceTemplates kTemplates = {
    "templates",
    {{"run", "#!/usr/bin/execlineb -P\n# @name@\n@relay@ @relay_options...@\n"},
     {"log/run", "#!/x\n@log_confine_options...@ @log@\n"},
     {"notification-fd", "3\n"}}};
const FleetPaths kPaths = {"/run/s", "/var/log/s", "/usr/bin"};

Endpoint endpoint(const char* address, uint16_t port) {
  Endpoint out;
  out.address = address;
  out.port = port;
  return out;
}

Channel channel(const char* name, uint16_t port) {
  Channel out;
  out.name = name;
  out.listen = endpoint("127.0.0.1", port);
  out.full_rate = endpoint("239.1.1.1", 6000);
  out.schema = compile_schema(R"("double")");
  out.record.emplace();
  return out;
}

Storage storage() {
  Storage out;
  out.path = "/srv/t";
  return out;
}

ServiceTree tree_of(const Channel& from) {
  return render_channel(from, storage(), kPaths, kTemplates);
}

ObservedChannel running(const Channel& as) {
  ObservedChannel out;
  out.stored.exists = out.stored.ours = true;
  out.stored.files = tree_of(as);
  REQUIRE(parse_manifest(out.stored.files[kManifestPath].content, &out.stored.manifest));
  out.linked = out.supervised = true;
  return out;
}

bool has_option(const WordGroups& groups, const std::vector<std::string>& wanted) {
  for (const std::vector<std::string>& group : groups) {
    if (group == wanted) return true;
  }
  return false;
}

std::string expand(std::string_view text) {
  const TemplateWords words = {
      {"name", {{"n"}}}, {"none", {}}, {"list", {{"--a", "b c"}, {"-d"}}}};
  return expand_template(text, words, kExeclineStyle);
}

}  // namespace

TEST_CASE("words are quoted for execline") {
  CHECK(quote_execline("") == "\"\"");
  CHECK(quote_execline("plain") == "\"plain\"");
  CHECK(quote_execline("a b") == "\"a b\"");
  CHECK(quote_execline("\"") == "\"\\\"\"");
  CHECK(quote_execline("\\") == "\"\\\\\"");
  CHECK(quote_execline("\\n") == "\"\\\\n\"");
  CHECK(quote_execline("\n\r\t") == "\"\\n\\r\\t\"");
  CHECK(quote_execline("${x} $(y) `z` 'q' { } # ;") == "\"${x} $(y) `z` 'q' { } # ;\"");
  CHECK(quote_execline("\x01\x7f\xff") == "\"\x01\x7f\xff\"");
  CHECK_THROWS_AS(quote_execline(std::string_view("a\0b", 3)), TemplateError);
}

TEST_CASE("templates are expanded, comments and other @ are not") {
  CHECK(expand("") == "");
  CHECK(expand("x") == "x");
  CHECK(expand("@name@") == "\"n\"");
  CHECK(expand("@name@@name@\n") == "\"n\"\"n\"\n");
  CHECK(expand("# @name@ @nothing@\n @name@") == "# @name@ @nothing@\n \"n\"");
  CHECK(expand("[@list...@]") == "[\"--a\" \"b c\"\n  \"-d\"]");
  CHECK(expand("[@none...@]") == "[]");
  CHECK(expand("@name...@") == "\"n\"");
  CHECK(expand("a@b.c @ @@ @Name@ @name") == "a@b.c @ @@ @Name@ @name");
}

TEST_CASE("mistakes in templates are told with their line") {
  const auto line_of = [](std::string_view text) -> size_t {
    try {
      expand(text);
    } catch (const TemplateError& e) {
      return e.line;
    }
    return 0;
  };
  CHECK(line_of("@nothing@") == 1);
  CHECK(line_of("\n\n@nothing...@") == 3);
  CHECK(line_of("# \n@list@") == 2);
  CHECK(line_of("@none@") == 1);
}

TEST_CASE("the relay's command line") {
  Channel c = channel("c", 26000);
  WordGroups words = relay_words(c, storage(), kPaths);
  CHECK(has_option(words, {"--listen", "127.0.0.1:26000"}));
  CHECK(has_option(words, {"--record", "/srv/t/channel=c"}));
  CHECK(has_option(words, {"--mode", "0640"}));
  CHECK(has_option(words, {"--ring", "/run/s/rings/c"}));
  CHECK(has_option(words, {"--counters", "/run/s/counters/c"}));
  CHECK(has_option(words, {"--sync-ms", "5000"}));
  CHECK_FALSE(has_option(words, {"--mount", ""}));

  c.record.reset();
  c.allow = {"10.0.0.0/8", "::/0"};
  c.decimated.push_back({endpoint("239.1.1.2", 6001), 50, "downsample", {}});
  c.loopback = false;
  c.receive_cpus = "2";
  words = relay_words(c, storage(), kPaths);
  CHECK_FALSE(has_option(words, {"--record", "/srv/t/channel=c"}));
  CHECK(has_option(words, {"--allow", "10.0.0.0/8"}));
  CHECK(has_option(words, {"--allow", "::/0"}));
  CHECK(has_option(words, {"--decimated", "239.1.1.2:6001,factor=50"}));
  CHECK(has_option(words, {"--loopback", "0"}));
  CHECK(has_option(words, {"--write-cpus", "0-1023"}));
  CHECK(has_option(confine_words(c), {"--cpus", "2"}));
  CHECK_FALSE(has_option(confine_words(c), {"--scheduler", "other"}));
  c.write_cpus = "3";
  CHECK(has_option(relay_words(c, storage(), kPaths), {"--write-cpus", "3"}));
}

TEST_CASE("a channel's tree") {
  const ServiceTree tree = tree_of(channel("c", 1));
  CHECK(tree.at("run").mode == 0755);
  CHECK(tree.at("log/run").mode == 0755);
  CHECK(tree.at("log/run").content == "#!/x\n\"--user\" \"_speeddata\" \"/var/log/s/c\"\n");
  CHECK(tree.at("notification-fd").mode == 0644);
  CHECK(tree.at("data/layout").content == "d\n");
  CHECK(tree.at("data/schema.avsc").content == "\"double\"");
  CHECK(tree == tree_of(channel("c", 1)));
  Config config;
  config.channels["c"] = channel("c", 1);
  config.channels["off"] = channel("off", 2);
  config.channels["off"].enabled = false;
  CHECK(render_config(config, kPaths, kTemplates).size() == 1);
}

TEST_CASE("the manifest reads back") {
  const ServiceTree tree = {{"run", {0755, "x"}}, {"odd\n\\name", {0600, ""}}};
  const ChannelValues values = {{"ttl", "1"}, {"storage.path", "/a\n\\b=c d"}};
  Manifest read;
  REQUIRE(parse_manifest(make_manifest(tree, values), &read));
  CHECK(read.values == values);
  REQUIRE(read.files.size() == 2);
  CHECK(read.files.at("run").mode == 0755);
  CHECK(read.files.at("run").hash == hash_text("x"));
  CHECK(read.files.at("odd\n\\name").mode == 0600);
  CHECK(hash_text("") == "fnv1a64:cbf29ce484222325");
  CHECK(hash_text("a") == "fnv1a64:af63dc4c8601ec8c");
  CHECK(hash_text("foobar") == "fnv1a64:85944171f73967e8");
  for (const char* bad : {"", "sdr-manifest 2\n", "sdr-manifest 1", "sdr-manifest 1\nfile 0644 x\n",
                          "sdr-manifest 1\nfile 0644 h ../x\n", "sdr-manifest 1\nfile 0644 h /x\n",
                          "sdr-manifest 1\nvalue x\n", "sdr-manifest 1\nother x\n"}) {
    CHECK_MESSAGE(!parse_manifest(bad, &read), bad);
  }
}

TEST_CASE("the plan: add, change, remove, unchanged, and what is not ours") {
  Channel edited = channel("edited", 3);
  edited.ttl = 5;
  const std::map<std::string, ServiceTree> wanted = {
      {"same", tree_of(channel("same", 1))},
      {"new", tree_of(channel("new", 2))},
      {"edited", tree_of(edited)},
      {"theirs", tree_of(channel("theirs", 4))}};
  std::map<std::string, ObservedChannel> observed = {
      {"same", running(channel("same", 1))},
      {"edited", running(channel("edited", 3))},
      {"gone", running(channel("gone", 5))}};
  observed["theirs"].stored.exists = true;
  observed["unwanted"].stored.exists = true;
  const ApplyPlan plan = make_plan(wanted, observed);
  REQUIRE(plan.additions.size() == 1);
  CHECK(plan.additions[0].name == "new");
  REQUIRE(plan.removals.size() == 1);
  CHECK(plan.removals[0].name == "gone");
  REQUIRE(plan.unchanged.size() == 1);
  REQUIRE(plan.foreign.size() == 1);
  CHECK(plan.foreign[0].name == "theirs");
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
  const auto change_of = [&](const ObservedChannel& found) {
    const ApplyPlan plan = make_plan({{"c", tree_of(c)}}, {{"c", found}});
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
  manifest.content = make_manifest({}, {{"storage.group", "adm"}});
  step = change_of(found);
  CHECK_FALSE(step.restart);
  CHECK_FALSE(step.restart_logger);

  found = running(c);
  found.interrupted = true;
  found.backup = tree_of(channel("c", 9));
  step = change_of(found);
  CHECK(step.restart);
  CHECK(step.before == found.backup);
  CHECK(step.present == step.after);

  found = running(c);
  found.supervised = false;
  CHECK(make_plan({{"c", tree_of(c)}}, {{"c", found}}).additions.size() == 1);
  found = running(c);
  found.linked = false;
  found.link_foreign = true;
  CHECK(make_plan({{"c", tree_of(c)}}, {{"c", found}}).foreign.size() == 1);
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
    for (const std::vector<ApplyStep>& batch : make_plan(wanted, observed).changes) {
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
