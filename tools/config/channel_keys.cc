#include "tools/config/channel_keys.h"

namespace sdr {
namespace {

constexpr uint64_t kSecondUs = 1000000;

void read_enabled(KeyContext& c, const ConfigMember& m) {
  c.reader.boolean("enabled", m.value, &c.channel().enabled);
}

void read_schema(KeyContext& c, const ConfigMember& m) {
  c.channel().schema_path.clear();
  c.reader.string("schema", m.value, "\"schemas/engine.avsc\"", kPathBytesMax,
                  &c.channel().schema_path);
}

void read_silence(KeyContext& c, const ConfigMember& m) {
  uint64_t us;
  if (c.reader.duration("silence", m.value, 1000, 86400 * kSecondUs, 1000, &us)) {
    c.channel().silence_ms = us / 1000;
  }
}

void read_invalid(KeyContext& c, const ConfigMember& m) {
  constexpr std::string_view kChoices[] = {"drop", "relay"};
  c.reader.choice("invalid", m.value, kChoices, &c.channel().invalid);
}

void read_receive_buffer(KeyContext& c, const ConfigMember& m) {
  c.reader.size("receive_buffer", m.value, 4096, 1ull << 30, &c.channel().receive_buffer_bytes);
}

void read_batch_wait(KeyContext& c, const ConfigMember& m) {
  c.reader.duration("batch_wait", m.value, 0, 10000, 1, &c.channel().batch_wait_us);
}

void read_catch_up(KeyContext& c, const ConfigMember& m) {
  uint64_t us;
  if (c.reader.duration("catch_up", m.value, 0, 86400 * kSecondUs, 1000, &us)) {
    c.channel().catch_up_ms = us / 1000;
  }
}

void read_user(KeyContext& c, const ConfigMember& m) {
  c.reader.name("user", m.value, "\"_speeddata\"", kAccountNameMax, &c.channel().user);
}

void read_operators(KeyContext& c, const ConfigMember& m) {
  c.reader.name("operators", m.value, "\"adm\"", kAccountNameMax, &c.channel().operators);
}

void read_ttl(KeyContext& c, const ConfigMember& m) {
  int64_t value;
  if (c.reader.integer("ttl", m.value, 0, 255, &value)) {
    c.channel().ttl = static_cast<uint32_t>(value);
  }
}

void read_dscp(KeyContext& c, const ConfigMember& m) {
  int64_t value;
  if (c.reader.integer("dscp", m.value, 0, 63, &value)) {
    c.channel().dscp = static_cast<uint32_t>(value);
  }
}

void read_loopback(KeyContext& c, const ConfigMember& m) {
  c.reader.boolean("loopback", m.value, &c.channel().loopback);
}

void read_cpu_quota(KeyContext& c, const ConfigMember& m) {
  uint64_t hundredths;
  if (c.reader.percent("cpu_quota", m.value, 10000000, &hundredths)) {
    c.channel().cpu_quota_hundredths = hundredths;
  }
}

void read_memory(KeyContext& c, const ConfigMember& m) {
  uint64_t bytes;
  if (c.reader.size("memory", m.value, 1 << 20, 1ull << 40, &bytes)) {
    c.channel().memory_bytes = bytes;
  }
}

void read_isolation(KeyContext& c, const ConfigMember& m) {
  constexpr std::string_view kChoices[] = {"best-effort", "require"};
  std::string value;
  if (c.reader.choice("isolation", m.value, kChoices, &value)) {
    c.channel().isolation_required = value == "require";
  }
}

struct ChannelKey {
  std::string_view name;
  void (*read)(KeyContext& context, const ConfigMember& member);
};

constexpr ChannelKey kKeys[] = {
    {"enabled", read_enabled},
    {"listen", read_listen},
    {"listen_interface", read_listen_interface},
    {"source", read_source},
    {"allow", read_allow},
    {"schema", read_schema},
    {"full_rate", read_full_rate},
    {"decimated", read_decimated},
    {"sequence", read_sequence},
    {"silence", read_silence},
    {"invalid", read_invalid},
    {"record", read_record},
    {"retain", read_retain},
    {"receive_buffer", read_receive_buffer},
    {"batch_wait", read_batch_wait},
    {"catch_up", read_catch_up},
    {"user", read_user},
    {"operators", read_operators},
    {"interface", read_interface},
    {"ttl", read_ttl},
    {"loopback", read_loopback},
    {"dscp", read_dscp},
    {"cpus", read_cpus},
    {"scheduler", read_scheduler},
    {"cpu_quota", read_cpu_quota},
    {"memory", read_memory},
    {"isolation", read_isolation},
};

// Keys that stand one table deeper than where they were found.
struct Misplaced {
  std::string_view name;
  std::string_view hint;
};
constexpr Misplaced kMisplaced[] = {
    {"sync", "; it belongs in record: record = { sync = \"5s\" }"},
    {"rotate", "; it belongs in record: record = { rotate = \"1h\" }"},
    {"size", "; it belongs in record: record = { size = \"1GiB\" }"},
    {"buffer", "; it belongs in record: record = { buffer = \"4MiB\" }"},
    {"receive_time", "; it belongs in record: record = { receive_time = true }"},
    {"factor", "; it belongs in decimated: decimated = { to = \"239.1.1.2:6001\", factor = 50 }"},
    {"rate", "; it belongs in decimated: decimated = { …, rate = \"10Hz\" }"},
    {"max_wait", "; it belongs in decimated: decimated = { …, max_wait = \"1s\" }"},
    {"wrap", "; it belongs in sequence: sequence = { field = \"counter\", wrap = 65536 }"},
    {"method", "; it belongs in decimated: decimated = { …, method = \"downsample\" }"},
    {"path", "; it belongs in [storage]"},
    {"mount", "; it belongs in [storage]"},
    {"mode", "; it belongs in [storage]"},
    {"age", "; it belongs in retain: retain = { age = \"7d\" }"},
    {"hold", "; it belongs in decimated: decimated = { …, hold = [\"mode_time\"] }"},
    {"group", "; it belongs in [storage]"},
    {"min_free", "; it belongs in [storage]"},
};

void report_unknown(const ConfigMember& member, std::string_view where, KeyReader* reader) {
  for (const Misplaced& m : kMisplaced) {
    if (member.key == m.name) {
      reader->error(member, "unknown key " + quoted(member.key) + " in " + std::string(where) +
                                std::string(m.hint));
      return;
    }
  }
  std::vector<std::string_view> known;
  for (const ChannelKey& key : kKeys) known.push_back(key.name);
  reader->unknown_key(member, where, known, "; relay.toml(5) has a table of the keys");
}

}  // namespace

void read_inner_keys(KeyContext& c, const std::string& prefix, const ConfigValue& table,
                     std::span<const InnerKey> keys) {
  std::vector<std::string_view> known;
  for (const InnerKey& key : keys) known.push_back(key.name);
  for (const ConfigMember& member : table.members) {
    const InnerKey* found = nullptr;
    for (const InnerKey& key : keys) {
      if (key.name == member.key) found = &key;
    }
    if (!found) {
      c.reader.unknown_key(member, prefix, known, "; its keys are " + one_of(known));
      continue;
    }
    const std::string path = prefix + "." + member.key;
    c.note(path, member);
    found->read(c, path, member);
  }
}

Channel blank_channel() {
  Channel channel;
  channel.record = RecordOptions();
  return channel;
}

void read_channel_keys(const ConfigValue& table, std::string_view where, KeyReader* reader,
                       Findings* findings, Channel* channel) {
  KeyContext context = {*reader, *findings, *channel};
  for (const ConfigMember& member : table.members) {
    const ChannelKey* found = nullptr;
    for (const ChannelKey& key : kKeys) {
      if (key.name == member.key) found = &key;
    }
    if (!found) {
      report_unknown(member, where, reader);
      continue;
    }
    context.note(member.key, member);
    found->read(context, member);
  }
}

}  // namespace sdr
