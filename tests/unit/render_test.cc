#include "tools/gen/render.h"

#include <doctest/doctest.h>

#include "tests/unit/fleet_fixture.h"

using namespace sdr;

namespace {

bool has_option(const WordGroups& groups, const std::vector<std::string>& wanted) {
  for (const std::vector<std::string>& group : groups) {
    if (group == wanted) return true;
  }
  return false;
}

std::string expand(std::string_view text) {
  const TemplateWords words = {{"name", {{"n"}}}, {"none", {}}, {"list", {{"--a", "b c"}, {"-d"}}}};
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
  c.decimated.push_back({.to = endpoint("239.1.1.2", 6001), .factor = 50});
  c.loopback = false;
  c.receive_cpus = "2";
  words = relay_words(c, storage(), kPaths);
  CHECK_FALSE(has_option(words, {"--record", "/srv/t/channel=c"}));
  CHECK(has_option(words, {"--allow", "10.0.0.0/8"}));
  CHECK(has_option(words, {"--allow", "::/0"}));
  CHECK(has_option(words, {"--decimated", "239.1.1.2:6001,factor=50"}));
  CHECK(has_option(words, {"--loopback", "0"}));
  CHECK(has_option(words, {"--write-cpus", "0-1023"}));
  CHECK(has_option(confine_words(c, kPaths, true), {"--cpus", "2"}));
  CHECK_FALSE(has_option(confine_words(c, kPaths, true), {"--scheduler", "other"}));
  c.write_cpus = "3";
  CHECK(has_option(relay_words(c, storage(), kPaths), {"--write-cpus", "3"}));
}

TEST_CASE("a channel's tree") {
  const ServiceTree tree = tree_of(channel("c", 1));
  CHECK(tree.at("run").mode == 0755);
  CHECK(tree.at("log/run").mode == 0755);
  CHECK(tree.at("log/run").content.ends_with("\"--best-effort\" \"/var/log/s/c\"\n"));
  CHECK(tree.at("notification-fd").mode == 0644);
  CHECK(tree.at("data/layout").content == "d\n");
  CHECK(tree.at("data/schema.avsc").content == "\"double\"");
  CHECK(tree == tree_of(channel("c", 1)));
  Config config;
  config.channels["c"] = channel("c", 1);
  config.channels["off"] = channel("off", 2);
  config.channels["off"].enabled = false;
  const std::map<std::string, ServiceTree> trees = render_config(config, kPaths, kTemplates);
  CHECK(trees.size() == 3);
  CHECK(trees.at("fdholder").at("run").content ==
        "#!/x\n\"/run/s/held/fdholder\" \"/run/s/held/fdholder2\"\n");
  CHECK(trees.at("fdholder2").at("run").content ==
        "#!/x\n\"/run/s/held/fdholder2\" \"/run/s/held/fdholder\"\n");
  config.channels["c"].enabled = false;
  CHECK(render_config(config, kPaths, kTemplates).empty());
}

TEST_CASE("the manifest reads back") {
  const ServiceTree tree = {{"run", {0755, "x"}}, {"odd\n\\name", {0600, ""}}};
  const ChannelValues values = {{"ttl", "1"}, {"storage.path", "/a\n\\b=c d"}};
  Manifest read;
  REQUIRE(parse_manifest(make_manifest(tree, values, "h1"), &read));
  CHECK(read.values == values);
  CHECK(read.start == "h1");
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
