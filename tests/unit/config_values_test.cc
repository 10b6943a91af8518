// What the values of the config may be, at their edges and past them.
#include "tests/unit/config_dir.h"

using namespace config_test;

TEST_CASE("wrong types") {
  only(report_of("storage = 1\n"), "storage is an integer; write a table");
  only(report_of("defaults = []\n"), "defaults is an array");
  only(report_of("channel = \"a\"\n"), "channel is a string; write a table");
  only(report_of("[channel]\na = 1\n"), "channel.a is an integer");
  only(channel_report("enabled = \"true\"\n"),
       "relay.toml:6:11: error: enabled is a string; write true or false");
  only(channel_report("ttl = \"1\"\n"), "ttl is a string; write an integer from 0 to 255");
  only(channel_report("ttl = 1.5\n"), "ttl is a float");
  only(channel_report("ttl = 2026-01-01\n"), "ttl is a date or time");
  only(channel_report("allow = { a = 1 }\n"), "allow is a table; write a list");
  only(channel_report("allow = [1]\n"), "relay.toml:6:10: error: allow[0] is an integer");
  only(channel_report("record = 1\n"),
       "record is an integer; write a table such as { sync = \"5s\" }, or false");
  only(channel_report("record = { sync = 5 }\n"),
       "record.sync is an integer; write a duration with its unit");
  only(channel_report("receive_buffer = 4096\n"), "write a size with its unit");
  only(channel_report("decimated = \"239.0.0.1:1\"\n"), "decimated is a string");
  only(channel_report("cpus = 2\n"), "cpus is an integer; write a string such as \"2\"");
  only(report_of("[storage]\nmode = 640\n"), "write the octal mode in quotes");
}

TEST_CASE("ranges at their edges") {
  for (const char* good : {"ttl = 0",
                           "ttl = 255",
                           "dscp = 0",
                           "dscp = 63",
                           "record.sync = \"0s\"",
                           "record.sync = \"1h\"",
                           "record.rotate = \"1s\"",
                           "record.rotate = \"366d\"",
                           "record.size = \"128KiB\"",
                           "record.buffer = \"64KiB\"",
                           "record.buffer = \"1GiB\"",
                           "receive_buffer = \"1GiB\"",
                           "scheduler = \"other\"",
                           "scheduler = \"other:-20\"",
                           "scheduler = \"other:19\"",
                           "scheduler = \"fifo:1\"",
                           "scheduler = \"fifo:99\"",
                           "batch_wait = \"0us\"",
                           "batch_wait = \"10ms\"",
                           "catch_up = \"0s\"",
                           "catch_up = \"1ms\"",
                           "catch_up = \"1d\"",
                           "cpu_quota = \"0.01%\"",
                           "cpu_quota = \"100000%\"",
                           "memory = \"9MiB\"",
                           "memory = \"1TiB\"",
                           "isolation = \"require\"",
                           "decimated = { to = \"239.0.0.1:1\", factor = 1 }",
                           "decimated = { to = \"239.0.0.1:1\", rate = \"0.001Hz\" }",
                           "decimated = { to = \"239.0.0.1:1\", rate = \"1000kHz\" }",
                           "decimated = { to = \"239.0.0.1:1\", factor = 1, max_wait = \"1ms\" }",
                           "decimated = { to = \"239.0.0.1:1\", factor = 1, max_wait = \"1d\" }",
                           "silence = \"1ms\"",
                           "silence = \"1d\"",
                           "decimated = []"}) {
    CHECK(channel_report(good) == "");
  }
  for (const char* wrong :
       {"ttl = -1",
        "decimated = { to = \"239.0.0.1:1\", rate = \"0.0Hz\" }",
        "decimated = { to = \"239.0.0.1:1\", rate = \"1000.001kHz\" }",
        "decimated = { to = \"239.0.0.1:1\", factor = 1, max_wait = \"0s\" }",
        "decimated = { to = \"239.0.0.1:1\", factor = 1, max_wait = \"25h\" }",
        "decimated = { to = \"239.0.0.1:1\", factor = 1, max_wait = \"1500us\" }",
        "decimated = { to = \"239.0.0.1:1\", factor = 1, rate = \"1Hz\" }",
        "decimated = { to = \"239.0.0.1:1\" }",
        "silence = \"0s\"",
        "silence = \"1500us\"",
        "silence = \"25h\"",
        "ttl = 256",
        "dscp = 64",
        "record.sync = \"3600001ms\"",
        "record.sync = \"1us\"",
        "record.rotate = \"0s\"",
        "record.rotate = \"999ms\"",
        "record.rotate = \"1500ms\"",
        "record.size = \"131071B\"",
        "record.buffer = \"65535B\"",
        "record.buffer = \"1073741825B\"",
        "receive_buffer = \"1025MiB\"",
        "scheduler = \"other:-21\"",
        "scheduler = \"other:20\"",
        "scheduler = \"other:\"",
        "scheduler = \"fifo\"",
        "scheduler = \"fifo:0\"",
        "scheduler = \"fifo:100\"",
        "scheduler = \"fifo:1x\"",
        "scheduler = \"rr:1\"",
        "catch_up = \"1us\"",
        "batch_wait = \"11ms\"",
        "batch_wait = \"100ns\"",
        "catch_up = \"86400001ms\"",
        "cpu_quota = \"0.00%\"",
        "cpu_quota = \"100000.01%\"",
        "memory = \"9437183B\"",
        "memory = \"1048575B\"",
        "memory = \"1025GiB\"",
        "decimated = { to = \"239.0.0.1:1\", factor = 0 }",
        "decimated = { to = \"239.0.0.1:1\", factor = 2147483649 }"}) {
    INFO(wrong);
    const std::string report = channel_report(wrong);
    CHECK_MESSAGE(line_count(report) == 1, report);
    holds(report, "relay.toml:6:");
  }
}

TEST_CASE("required keys") {
  const std::string report =
      report_of("[channel.a]\nfull_rate = \"239.0.0.1:1\"\nrecord = false\n");
  CHECK(line_count(report) == 2);
  holds(report,
        "relay.toml:1:10: error: channel 'a' has no listen; add listen = \"0.0.0.0:26000\"");
  holds(report, "relay.toml:1:10: error: channel 'a' has no schema");
  only(channel_report("record = false\n"), "channel 'a' has no output");
  only(report_of("[storage]\n[channel.a]\nlisten=\"0.0.0.0:1\"\nschema=\"schemas/a.avsc\"\n"),
       "relay.toml:1:2: error: storage.path is missing, and channel 'a' records");
  only(channel_report("decimated = { }\nrecord.sync = \"x\"\ndecimated = 1"), "cannot redefine");
  const std::string stream = channel_report("decimated = [ {} ]\n");
  holds(stream, "6:15: error: decimated[0] has no to");
  holds(stream, "6:15: error: decimated[0] has no factor");
  CHECK(report_of("[defaults]\nlisten=\"0.0.0.0:1\"\nschema=\"schemas/"
                  "a.avsc\"\nfull_rate=\"239.0.0.1:2\"\nrecord=false\n[channel.a]\n") == "");
}

TEST_CASE("names of channels") {
  const auto named = [](const std::string& name) {
    return report_of("[channel.\"" + name +
                     "\"]\nlisten=\"0.0.0.0:1\"\nschema=\"schemas/"
                     "a.avsc\"\nfull_rate=\"239.0.0.1:2\"\nrecord=false\n");
  };
  for (const char* good : {"a", "0", "a-b_c", "engine2"}) CHECK(named(good) == "");
  CHECK(named(std::string(63, 'a')) == "");
  for (const char* wrong :
       {"", "-a", "_a", "a b", "a/b", "..", "a.b", "é", "a\\nb", "$(id)", "'"}) {
    only(named(wrong), "relay.toml:1:10: error: channel name '");
  }
  only(named(std::string(64, 'a')), "1 to 63");
  only(named("Engine"), "did you mean 'engine'?");
  only(named("prune"), "taken by a service of our own");
  only(named("fdholder"), "taken by a service of our own");
}

TEST_CASE("hostile text") {
  only(channel_report("user = \"a\\nb\"\n"), "user has a control character: 'a\\x0ab'");
  only(channel_report("user = \"a b\"\n"), "cannot be a name");
  only(channel_report("user = \"-x\"\n"), "cannot be a name");
  only(channel_report("user = \"$(id)\"\n"), "cannot be a name");
  only(channel_report("user = \"\"\n"), "user is empty");
  only(channel_report("interface = \"../eth0\"\n"), "cannot be a name");
  only(channel_report("interface = \"" + std::string(16, 'e') + "\"\n"),
       "16 bytes long; at most 15");
  only(channel_report("listen_interface = \"10.0.0.1\"\n"), "is an address");
  only(channel_report("user = \"\\u202Eabc\"\n"), "control character");
  only(channel_report("user = \"" + std::string(3000000, 'x') + "\"\n"), "3000000 bytes long");
  only(report_of("[storage]\npath = \"/a\\tb\"\n"), "control character");
  only(report_of("[storage]\npath = \"srv\"\n"), "not an absolute path");
  only(report_of("[storage]\npath = \"/srv/../etc\"\n"), "has a part '..'");
  only(report_of("[storage]\npath = \"/" + std::string(2000, 'x') + "\"\n"), "at most 1024");
  CHECK(report_of("[storage]\npath = \"/srv/a b'\\\"$(id)`\\\\\"\n") == "");
  for (const char* mode : {"0940", "640x", "", "00640", "4755", "-1"}) {
    only(report_of("[storage]\nmode = \"" + std::string(mode) + "\"\n"), "storage.mode");
  }
  only(report_of("[storage]\nmode = \"0440\"\n"), "keeps the owner out");
  only(report_of("[storage]\nmode = \"0755\"\n"), "execute bit");
  only(report_of("[storage]\npath=\"/a\"\nmount=\"/b\"\n"),
       "3:1: warning: storage.mount '/b' does not hold");
  CHECK(report_of("[storage]\npath=\"/a\"\nmount=\"/\"\n") == "");
  only(report_of("[storage]\npath=\"/ab\"\nmount=\"/a\"\n"), "does not hold");
}

TEST_CASE("min_free: a part of the disk or so many bytes, kept apart") {
  const auto read = [](const std::string& value) {
    ConfigDir dir;
    dir.write("relay.toml", "[storage]\nmin_free = " + value + "\n");
    CHECK(dir.report() == "");
    return dir.load().config.storage;
  };
  CHECK(read("\"5%\"").min_free_hundredths == 500);
  CHECK_FALSE(read("\"5%\"").min_free_bytes);
  CHECK(read("\"99%\"").min_free_hundredths == 9900);
  CHECK(read("\"0.05%\"").min_free_hundredths == 5);
  CHECK(read("\"10GiB\"").min_free_bytes == 10ull << 30);
  CHECK_FALSE(read("\"10GiB\"").min_free_hundredths);
  CHECK(read("\"0B\"").min_free_bytes == 0);
  CHECK_FALSE(ConfigDir().load().config.storage.min_free_bytes);
  only(report_of("[storage]\nmin_free = \"99.01%\"\n"), "2:12: error: storage.min_free is");
  only(report_of("[storage]\nmin_free = \"5\"\n"), "has no unit");
  only(report_of("[storage]\nmin_free = 5\n"), "a size with its unit");
}

TEST_CASE("keys: what is wrong is said once") {
  for (const char* wrong :
       {"sequence = 1", "sequence = { field = \"n\", wrap = 1 }", "sequence = { wrap = 5 }",
        "silence = \"2\"", "retain = \"7d\"", "catch_up = 5", "cpu_quota = \"0%\"",
        "cpu_quota = 50", "memory = \"64M\"", "isolation = \"strict\"",
        "decimated = { to = \"239.0.0.1:1\", rate = \"0Hz\" }"}) {
    const std::string report = channel_report(wrong);
    CHECK_MESSAGE(line_count(report) == 1, report);
  }
}
