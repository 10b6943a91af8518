#include "tools/config/config.h"

#include "tests/unit/config_dir.h"

using namespace config_test;
using sdr::Channel;

TEST_CASE("an empty config is good") {
  CHECK(report_of("") == "");
  CHECK(report_of("# nothing\n[storage]\n[defaults]\n[channel]\n") == "");
}

TEST_CASE("every key that works now") {
  ConfigDir dir;
  dir.write("relay.toml", R"(
[storage]
path = "/srv//telemetry/"
mount = "/srv"
group = "adm"
mode = "0600"
[defaults]
user = "nobody"
interface = "eth1"
ttl = 3
loopback = false
dscp = 46
record = { sync = "1s" }
[channel.engine]
enabled = false
listen = "239.9.9.9:26000"
listen_interface = "eth0"
source = "10.0.0.7"
allow = ["10.0.0.0/24", "10.1.0.1"]
schema = "./schemas/../schemas/a.avsc"
full_rate = "239.1.1.1:6000"
decimated = [ { to = "239.1.1.2:6001", factor = 50 },
  { to = "10.1.1.1:7", factor = 2147483648, method = "downsample" } ]
invalid = "relay"
record = { rotate = "10min", size = "128KiB", buffer = "64KiB", receive_time = false }
receive_buffer = "1MiB"
batch_wait = "0us"
interface = "10.0.0.1"
cpus = { receive = "3,2", write = "0" }
catch_up = "1500ms"
scheduler = "other:-5"
cpu_quota = "12.5%"
memory = "64MiB"
isolation = "require"
)");
  CHECK(dir.report() == "");
  const LoadedConfig loaded = dir.load();
  CHECK(loaded.ok());
  CHECK(loaded.config.storage.path == "/srv/telemetry");
  CHECK(loaded.config.storage.mode == 0600);
  CHECK(loaded.config.storage.keys.at("group").line == 5);
  REQUIRE(loaded.config.channels.size() == 1);
  const Channel& c = loaded.config.channels.at("engine");
  CHECK(c.name == "engine");
  CHECK(c.place.line == 14);
  CHECK(c.place.column == 10);
  CHECK_FALSE(c.enabled);
  CHECK(c.listen.text() == "239.9.9.9:26000");
  CHECK(c.listen.multicast);
  CHECK(c.listen_interface == "eth0");
  CHECK(c.source == "10.0.0.7");
  CHECK(c.allow == std::vector<std::string>{"10.0.0.0/24", "10.1.0.1/32"});
  CHECK(c.schema_path == dir.path() + "/schemas/a.avsc");
  CHECK(c.schema.layout == "(d)");
  REQUIRE(c.full_rate);
  CHECK(c.full_rate->text() == "239.1.1.1:6000");
  REQUIRE(c.decimated.size() == 2);
  CHECK(c.decimated[0].factor == 50);
  CHECK(c.decimated[1].factor == 2147483648u);
  CHECK(c.invalid == "relay");
  REQUIRE(c.record);
  CHECK(c.record->sync_ms == 1000);  // from [defaults]: tables merge
  CHECK(c.record->rotate_s == 600);
  CHECK(c.record->segment_bytes == 128 << 10);
  CHECK(c.record->buffer_bytes == 64 << 10);
  CHECK(c.receive_buffer_bytes == 1 << 20);
  CHECK(c.interface == "10.0.0.1");
  CHECK(c.ttl == 3);
  CHECK_FALSE(c.loopback);
  CHECK(c.dscp == 46);
  CHECK(c.user == "nobody");
  CHECK(c.receive_cpus == "2-3");
  CHECK(c.write_cpus == "0");
  CHECK(c.catch_up_ms == 1500);
  CHECK(c.scheduler == "other:-5");
  CHECK(c.cpu_quota_hundredths == 1250u);
  CHECK(c.memory_bytes == 64u << 20);
  CHECK(c.isolation_required);
  CHECK(c.keys.at("ttl").line == 10);
  CHECK(c.keys.at("interface").line == 28);
  CHECK(c.keys.at("decimated[1].to").line == 23);
}

TEST_CASE("what is not written has its default") {
  ConfigDir dir;
  dir.write("relay.toml",
            "[storage]\npath=\"/s\"\n[channel.a]\nlisten=\"[::]:1\"\nschema=\"schemas/a.avsc\"\n");
  const LoadedConfig loaded = dir.load();
  REQUIRE(loaded.ok());
  const Channel& c = loaded.config.channels.at("a");
  CHECK(c.enabled);
  REQUIRE(c.record);
  CHECK(c.record->sync_ms == 5000);
  CHECK(c.record->rotate_s == 3600);
  CHECK(c.record->segment_bytes == 1u << 30);
  CHECK(c.record->buffer_bytes == 4u << 20);
  CHECK(c.receive_buffer_bytes == 2u << 20);
  CHECK(c.user == "_speeddata");
  CHECK(c.scheduler == "other");
  CHECK(c.catch_up_ms == 5000);
  CHECK_FALSE(c.cpu_quota_hundredths);
  CHECK_FALSE(c.memory_bytes);
  CHECK_FALSE(c.isolation_required);
  CHECK_FALSE(c.retain);
  CHECK_FALSE(c.sequence);
  CHECK(c.ttl == 1);
  CHECK(c.loopback);
  CHECK_FALSE(c.full_rate);
  CHECK(loaded.config.storage.mode == 0640);
}

TEST_CASE("record: false, true and tables over defaults") {
  const char* base = "listen=\"0.0.0.0:1\"\nschema=\"schemas/a.avsc\"\nfull_rate=\"239.0.0.1:2\"\n";
  const auto record = [base](const std::string& defaults, const std::string& own) {
    ConfigDir dir;
    dir.write("relay.toml", "[storage]\npath=\"/s\"\n[defaults]\n" + defaults + "\n[channel.a]\n" +
                                base + own + "\n");
    const LoadedConfig loaded = dir.load();
    CHECK_MESSAGE(loaded.ok(), dir.report());
    return loaded.config.channels.at("a").record;
  };
  CHECK_FALSE(record("record = false", ""));
  CHECK_FALSE(record("", "record = false"));
  CHECK_FALSE(record("record = { sync = \"1s\" }", "record = false"));
  CHECK(record("record = false", "record = true")->sync_ms == 5000);
  CHECK(record("record = false", "record.sync = \"2s\"")->sync_ms == 2000);
  CHECK(record("record = { sync = \"1s\" }", "record.rotate = \"1s\"")->sync_ms == 1000);
}

TEST_CASE("syntax errors: one for each file, with its place") {
  only(report_of("[channel.a]\nlisten = \"x\n"), "relay.toml:2:12: error: in string");
  only(report_of("a = 1\na = 2\n"),
       "relay.toml:2:5: error: in key-value pair: cannot redefine existing integer 'a'");
  only(report_of("[channel.a]\n[channel.a]\n"),
       "relay.toml:2:1: error: in table header: cannot redefine existing table 'channel.a'");
  only(report_of("x = \"\xff\"\n"), "the file must be UTF-8");
  only(report_of("[channel.a]\nlisten = 10.0.0.1:26000\n"), "stands in quotes");
  only(report_of("x = " + std::string(100000, '[')), "nested value depth");
  std::string dots = "a";
  for (int i = 0; i < 100000; ++i) dots += ".a";
  only(report_of(dots + " = 1\n"), "relay.toml:1:34: error: a key of more than 16 dots");
  only(report_of("x = '''\n''' # .................\n[" + dots + "]\n"), "relay.toml:3:");
  CHECK(report_of("# " + std::string(100, '.') + "\n") == "");
  only(report_of(std::string(5 << 20, '#')), "larger than 4096 KiB");
  ConfigDir dir;
  CHECK(dir.report() == "relay.toml: error: unable to read: No such file or directory\n");
}

TEST_CASE("unknown keys, with a guess") {
  only(report_of("[storge]\n"),
       "relay.toml:1:2: error: unknown key 'storge' in the file; did you mean 'storage'?");
  only(report_of("xyzzy = 1\n"), "it holds [storage], [defaults] and [channel.NAME]");
  only(report_of("[storage]\npaht = \"/x\"\n"),
       "relay.toml:2:1: error: unknown key 'paht' in [storage]; did you mean 'path'?");
  only(report_of("[defaults]\nttll = 1\n"), "in [defaults]; did you mean 'ttl'?");
  only(channel_report("  fullrate = 1\n"),
       "relay.toml:6:3: error: unknown key 'fullrate' in channel 'a'; did you mean 'full_rate'?");
  only(channel_report("sync = \"5s\"\n"), "it belongs in record");
  only(channel_report("record = { synk = \"5s\" }\n"),
       "relay.toml:6:12: error: unknown key 'synk' in record; did you mean 'sync'?");
  only(channel_report("decimated = { to = \"239.0.0.1:1\", factor = 1, by = 2 }\n"),
       "unknown key 'by' in decimated[0]");
  holds(channel_report("\"bad\\nkey\" = 1\n"), "unknown key 'bad\\x0akey'");
  CHECK(channel_report("\"" + std::string(100000, 'k') + "\" = 1\n").size() < 300);
}
