// Schemas, channels.d, and the machine that a config is held against.
#include "tests/unit/config_dir.h"

using namespace config_test;

TEST_CASE("schemas") {
  ConfigDir dir;
  const auto with_schema = [&dir](const std::string& schema) {
    dir.write("relay.toml", "[storage]\npath=\"/s\"\n[channel.a]\nlisten=\"0.0.0.0:1\"\nschema=\"" +
                                schema + "\"\n");
    return dir.report();
  };
  CHECK(with_schema("schemas/a.avsc") == "");
  CHECK(with_schema(dir.path() + "/schemas/a.avsc") == "");
  only(with_schema("schemas/none.avsc"), "relay.toml:5:1: error: unable to read schema");
  only(with_schema("schemas"), "it is a directory");
  only(with_schema("/dev/zero"), "it is not a regular file");
  only(with_schema("../a.avsc"), "climbs out");
  only(with_schema("schemas/../../a.avsc"), "climbs out");
  only(with_schema("/etc/../a.avsc"), "has a part '..'");
  only(with_schema("."), "climbs out");
  dir.write("schemas/bad.avsc", "{\"type\":\"record\",\n \"name\":,}\n");
  only(with_schema("schemas/bad.avsc"), "schemas/bad.avsc:2:");
  dir.write("schemas/empty.avsc", "");
  holds(with_schema("schemas/empty.avsc"), "schemas/empty.avsc");
  dir.write("schemas/big.avsc", R"({"type":"fixed","name":"F","size":65508})");
  only(with_schema("schemas/big.avsc"), "a datagram carries at most 65507");
  dir.write("schemas/most.avsc", R"({"type":"fixed","name":"F","size":65507})");
  CHECK(with_schema("schemas/most.avsc") == "");
}

TEST_CASE("channels.d beside the main file") {
  ConfigDir dir;
  dir.write("relay.toml",
            "[defaults]\nrecord = false\nschema = \"schemas/a.avsc\"\n[channel.a]\n"
            "listen=\"0.0.0.0:1\"\nfull_rate=\"239.0.0.1:2\"\n");
  const std::string b = "[channel.b]\nlisten=\"0.0.0.0:3\"\nfull_rate=\"239.0.0.1:4\"\n";
  dir.write("channels.d/b.toml", b);
  dir.write("channels.d/.hidden.toml", "[");
  dir.write("channels.d/b.toml~", "[");
  CHECK(dir.report() == "");
  CHECK(dir.load().config.channels.size() == 2);
  CHECK(dir.load().config.channels.at("b").place.file == dir.path() + "/channels.d/b.toml");

  SUBCASE("a name twice") {
    dir.write("channels.d/c.toml", b);
    only(dir.report(),
         "channels.d/c.toml:1:10: error: channel 'b' stands twice; the first is at "
         "channels.d/b.toml:1:10");
  }
  SUBCASE("only channels stand there") {
    dir.write("channels.d/c.toml", "[storage]\n[defaults]\n[chanel.x]\n");
    const std::string report = dir.report();
    CHECK(line_count(report) == 3);
    holds(report, "channels.d/c.toml:1:2: error: [storage] cannot stand in channels.d");
    holds(report, "channels.d/c.toml:2:2: error: [defaults] cannot stand in channels.d");
    holds(report, "channels.d/c.toml:3:2: error: unknown key 'chanel' in the file; did you mean");
  }
  SUBCASE("syntax errors in each file are all told, in order") {
    dir.write("relay.toml", "x =\n");
    dir.write("channels.d/a.toml", "[channel.q]\nlisten=\"0.0.0.0:3\"\n");
    dir.write("channels.d/c.toml", "[\n");
    const std::string report = dir.report();
    CHECK_MESSAGE(line_count(report) == 3, report);
    CHECK(report.starts_with("relay.toml:1:"));
    holds(report, "channels.d/b.toml:2:1: error: channel 'b' listens on 0.0.0.0:3");
    holds(report, "channels.d/c.toml:1:2: error: a key, a value or a bracket is missing here");
  }
  SUBCASE("a directory or a pipe in it is an error, not a wait") {
    std::filesystem::create_directory(dir.path() + "/channels.d/d.toml");
    only(dir.report(), "channels.d/d.toml: error: unable to read: it is a directory");
  }
  SUBCASE("clashes between files") {
    dir.write("channels.d/c.toml",
              "[channel.c]\nlisten=\"0.0.0.0:1\"\nfull_rate=\"239.0.0.1:5\"\n");
    only(dir.report(),
         "channels.d/c.toml:2:1: error: channel 'c' listens on 0.0.0.0:1, and channel "
         "'a' on 0.0.0.0:1 (relay.toml:5:1)");
  }
}

TEST_CASE("the host") {
  ConfigDir dir;
  dir.write(
      "relay.toml",
      "[storage]\npath=\"/nonexistent/x\"\nmount=\"/nonexistent\"\ngroup=\"no_such_group_x\"\n"
      "[channel.a]\nlisten=\"203.0.113.7:26000\"\nlisten_interface=\"nosuch0\"\n"
      "schema=\"schemas/"
      "a.avsc\"\nuser=\"no_such_user_x\"\ncpus=\"1023\"\ninterface=\"203.0.113.8\"\n");
  const sdr::LoadedConfig loaded = dir.load();
  REQUIRE(loaded.ok());
  std::string report;
  for (const sdr::Diagnostic& d : check_host(loaded.config)) report += format_diagnostic(d, false);
  holds(report, "relay.toml:3:1: warning: storage.mount '/nonexistent' is not a mount point now");
  holds(report, "relay.toml:4:1: error: storage.group 'no_such_group_x' does not exist");
  holds(report, "relay.toml:6:1: error: listen: 203.0.113.7 is not an address of this machine");
  holds(report, "relay.toml:7:1: error: listen_interface: no interface 'nosuch0' on this machine");
  holds(report, "relay.toml:9:1: error: user 'no_such_user_x'");
  holds(report, "relay.toml:10:1: error: cpus: no CPU 1023 on this machine");
  holds(report, "relay.toml:11:1: error: no interface has the address 203.0.113.8");
  holds(report, "listen=\"203.0.113.7:26000\"\n^\n");
}
