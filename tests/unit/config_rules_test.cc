// The rules between keys, and between channels.
#include "tests/unit/config_dir.h"

using namespace config_test;

namespace {

// Channels a, b … of the given lines, each with a schema, none recorded. `a` begins at line 1, of
// three lines and those given.
std::string fleet(std::initializer_list<const char*> channels) {
  std::string text;
  char name = 'a';
  for (const char* lines : channels) {
    text += std::string("[channel.") + name++ + "]\nschema = \"schemas/a.avsc\"\nrecord = false\n" +
            lines + "\n";
  }
  return report_of(text);
}

}  // namespace

TEST_CASE("two channels on one port") {
  const char* out1 = "full_rate = \"239.0.0.1:1\"";
  const auto pair = [out1](const std::string& first, const std::string& second) {
    return fleet(
        {(first + "\n" + out1).c_str(), (second + "\nfull_rate = \"239.0.0.2:2\"").c_str()});
  };
  const auto listens = [&pair](const std::string& first, const std::string& second) {
    return pair("listen = \"" + first + "\"", "listen = \"" + second + "\"");
  };
  only(listens("0.0.0.0:5", "0.0.0.0:5"),
       "relay.toml:9:1: error: channel 'b' listens on 0.0.0.0:5, and channel 'a' on 0.0.0.0:5 "
       "(relay.toml:4:1)");
  only(listens("10.0.0.1:5", "0.0.0.0:5"), "each needs its own port");
  only(listens("0.0.0.0:5", "10.0.0.1:5"), "each needs its own port");
  only(listens("[::]:5", "[::1]:5"), "each needs its own port");
  only(listens("0.0.0.0:5", "239.0.0.9:5"), "each needs its own port");
  only(listens("239.0.0.9:5", "239.0.0.9:5"), "each needs its own port");
  only(listens("[ff15:0::1]:5", "[ff15::1]:5"), "each needs its own port");
  CHECK(listens("10.0.0.1:5", "10.0.0.2:5") == "");
  CHECK(listens("0.0.0.0:5", "0.0.0.0:6") == "");
  CHECK(listens("0.0.0.0:5", "[::]:5") == "");
  CHECK(listens("239.0.0.9:5", "239.0.0.8:5") == "");
  const std::string any = "listen = \"0.0.0.0:5\"";
  CHECK(pair(any + "\nlisten_interface = \"eth0\"", any + "\nlisten_interface = \"eth1\"") == "");
  only(pair(any + "\nlisten_interface = \"eth0\"", any), "each needs its own port");
  const std::string group = "listen = \"239.0.0.9:5\"";
  CHECK(pair(group + "\nsource = \"10.0.0.1\"", group + "\nsource = \"10.0.0.2\"") == "");
  only(pair(group + "\nsource = \"10.0.0.1\"", group), "each needs its own port");
  CHECK(pair(any, any + "\nenabled = false") == "");
}

TEST_CASE("a channel that would feed itself") {
  const auto feeds = [](const std::string& listen, const std::string& to) {
    return fleet({("listen = \"" + listen + "\"\nfull_rate = \"" + to + "\"").c_str()});
  };
  only(feeds("0.0.0.0:5", "239.0.0.1:5"), "relay.toml:5:1: error: channel 'a' would feed itself");
  only(feeds("0.0.0.0:5", "10.0.0.1:5"), "would feed itself");
  only(feeds("10.0.0.1:5", "10.0.0.1:5"), "would feed itself");
  only(feeds("239.0.0.1:5", "239.0.0.1:5"), "would feed itself");
  only(feeds("[::]:5", "[ff15::1]:5"), "would feed itself");
  CHECK(feeds("0.0.0.0:5", "239.0.0.1:6") == "");
  CHECK(feeds("10.0.0.1:5", "10.0.0.2:5") == "");
  CHECK(feeds("239.0.0.2:5", "239.0.0.1:5") == "");
  CHECK(feeds("[::]:5", "239.0.0.1:5") == "");
  only(fleet({"listen = \"0.0.0.0:5\"\ndecimated = [ { to = \"239.0.0.1:4\", factor = 2 },\n"
              "  { to = \"239.0.0.2:5\", factor = 2 } ]"}),
       "relay.toml:6:5: error: channel 'a' would feed itself: decimated[1].to");
}

TEST_CASE("channels that feed each other") {
  const char* a = "listen = \"10.0.0.1:1\"\nfull_rate = \"10.0.0.1:2\"";
  const char* b = "listen = \"10.0.0.1:2\"\nfull_rate = \"10.0.0.1:3\"";
  const char* c = "listen = \"10.0.0.1:3\"\nfull_rate = \"10.0.0.1:1\"";
  CHECK(fleet({a, b}) == "");
  only(fleet({a, b, c}),
       "relay.toml:15:1: error: channels feed each other in a circle: "
       "'a' → 'b' → 'c' → 'a'");
}

TEST_CASE("two streams on one group and port") {
  const char* a = "listen = \"0.0.0.0:1\"\nfull_rate = \"239.0.0.1:6000\"";
  only(fleet({a, "listen = \"0.0.0.0:2\"\nfull_rate = \"239.0.0.1:6000\""}),
       "relay.toml:10:1: error: channel 'b' sends to 239.0.0.1:6000, as does channel 'a' "
       "(relay.toml:5:1)");
  only(fleet({"listen = \"0.0.0.0:1\"\nfull_rate = \"239.0.0.1:6000\"\n"
              "decimated = { to = \"239.0.0.1:6000\", factor = 2 }"}),
       "as does its own full_rate");
  only(fleet({a, "listen = \"0.0.0.0:2\"\nfull_rate = \"239.0.0.2:6000\""}),
       "relay.toml:10:1: warning: port 6000 is shared by groups 239.0.0.1 (channel 'a') and "
       "239.0.0.2 (channel 'b')");
  only(fleet({a, "listen = \"0.0.0.0:2\"\nfull_rate = \"239.0.0.2:6000\"",
              "listen = \"0.0.0.0:3\"\nfull_rate = \"239.0.0.3:6000\""}),
       "and 1 more");
  CHECK(fleet({a, "listen = \"0.0.0.0:2\"\nfull_rate = \"10.0.0.2:6000\""}) == "");
  CHECK(fleet({a, "listen = \"0.0.0.0:2\"\nfull_rate = \"[ff15::1]:6000\""}) == "");
  CHECK(fleet({a, "listen = \"0.0.0.0:2\"\nenabled = false\nfull_rate = \"239.0.0.1:6000\""}) ==
        "");
}

TEST_CASE("addresses that do not go together") {
  only(channel_report("source = \"10.0.0.1\"\n"), "source needs a multicast group in listen");
  const auto group = [](const std::string& more) {
    return fleet({("listen = \"239.0.0.1:5\"\nfull_rate = \"239.0.0.2:6\"\n" + more).c_str()});
  };
  CHECK(group("source = \"10.0.0.1\"") == "");
  only(group("source = \"fd00::1\""), "source is IPv6 and listen is IPv4");
  only(group("source = \"239.0.0.1\""), "is not a sender's address");
  only(group("source = \"10.0.0.1:5\""), "is not a numeric address");
  only(group("allow = [\"10.0.0.0/8\", \"fd00::/8\"]"),
       "relay.toml:6:24: error: allow entry 'fd00::/8' is IPv6 and listen is IPv4");
  only(group("interface = \"fd00::1\""), "full_rate is IPv4 and interface is IPv6");
  only(group("interface = \"0.0.0.0\""), "is not an address of an interface");
  CHECK(group("interface = \"10.0.0.1\"") == "");
  only(channel_report("full_rate = \"0.0.0.0:5\"\n"), "cannot be sent to");
  only(channel_report("full_rate = \"255.255.255.255:5\"\n"), "cannot be sent to");
  only(channel_report("allow = []\n"), "allow is an empty list");
  std::string many = "allow = [";
  for (int i = 0; i < 65; ++i) many += "\"10.0.0.1\",";
  only(channel_report(many + "]\n"), "allow has 65 entries; at most 64");
  std::string streams = "decimated = [";
  for (int i = 0; i < 9; ++i) {
    streams += "{ to = \"239.0.0." + std::to_string(i + 1) + ":1\", factor = 2 },";
  }
  only(channel_report(streams + "]\n"), "decimated has 9 streams; at most 8");
}

TEST_CASE("limits that cannot hold what they must") {
  only(channel_report("cpu_quota = \"50%\"\nscheduler = \"fifo:1\"\n"),
       "6:1: error: cpu_quota does not hold a fifo");
  CHECK(channel_report("cpu_quota = \"50%\"\nscheduler = \"other:-5\"\n") == "");
  only(channel_report("memory = \"4MiB\"\n"),
       "6:1: error: memory is 4MiB, smaller than the 9MiB that record.buffer, twice receive_buffer "
       "and 1MiB for the processes take");
  only(channel_report("memory = \"12MiB\"\nreceive_buffer = \"4MiB\"\n"), "smaller than the 13MiB");
  CHECK(channel_report("memory = \"13MiB\"\nreceive_buffer = \"4MiB\"\n") == "");
  const char* live = "listen = \"0.0.0.0:1\"\nfull_rate = \"239.0.0.1:2\"\nmemory = \"";
  CHECK(fleet({(std::string(live) + "5MiB\"").c_str()}) == "");
  only(fleet({(std::string(live) + "4MiB\"").c_str()}), "smaller than the 5MiB that twice receive");
}

TEST_CASE("retention: what one segment would exceed") {
  CHECK(channel_report("retain = { age = \"1h\", size = \"2GiB\" }\n") == "");
  CHECK(channel_report("retain = {}\n") == "");
  const auto error = [&](const std::string& lines, const std::string& part) {
    const std::string report = channel_report(lines);
    holds(report, part);
    CHECK_MESSAGE(line_count(report) == 1, report);
  };
  error("retain.age = \"3599s\"\n",
        "6:8: error: retain.age is 3599s, less than the 1h of one segment");
  error("retain.size = \"2147483647B\"\n", "6:8: error: retain.size is 2147483647B, less than two");
  error("retain.age = \"7x\"\n", "6:14: error: retain.age: unknown unit 'x'");
  error("retain.age = \"36501d\"\n", "is too large");
  error("retain.size = \"1025TiB\"\n", "must be from 1MiB to 1024TiB");
  error("retain.size = \"20GiB\"\nrecord.size = \"20GiB\"\n", "make it at least 40GiB");
  CHECK(channel_report("retain.size = \"1MiB\"\nrecord.size = \"512KiB\"\n") == "");
  only(channel_report("full_rate = \"239.0.0.1:1\"\nretain.age = \"1h\"\nrecord = false\n"),
       "7:1: error: retain is for recordings, and channel 'a' records nothing");
}

TEST_CASE("retention in [defaults] is for the channels that record") {
  const auto report = [](const std::string& record) {
    return report_of("[storage]\npath = \"/s\"\n[defaults]\nretain.age = \"7d\"\n" + record +
                     "[channel.a]\nlisten = \"0.0.0.0:1\"\nschema = \"schemas/a.avsc\"\n"
                     "full_rate = \"239.0.0.1:2\"\nrecord = false\n"
                     "[channel.b]\nlisten = \"0.0.0.0:3\"\nschema = \"schemas/a.avsc\"\n"
                     "full_rate = \"239.0.0.1:4\"\nrecord.rotate = \"8d\"\n");
  };
  const std::string found = report("");
  holds(found,
        "4:8: error: retain.age is 7d, less than the 8d of one segment (record.rotate) of "
        "channel 'b'");
  CHECK_MESSAGE(line_count(found) == 1, found);
}
