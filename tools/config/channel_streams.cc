// full_rate and decimated: where a channel's streams go.
#include "tools/config/channel_keys.h"
#include "tools/config/endpoint.h"

namespace sdr {
namespace {

constexpr size_t kDecimatedMax = 8;  // as sdr-relay takes them
constexpr size_t kHoldFieldsMax = 64;

bool read_destination(KeyContext& c, const std::string& key, const ConfigValue& value,
                      Endpoint* out) {
  std::string text;
  std::string error;
  Endpoint to;
  if (!c.reader.string(key, value, "\"239.1.1.1:6000\"", kNameBytesMax, &text)) return false;
  if (!read_endpoint(text, &to, &error)) {
    c.reader.error(value, key + ": " + error);
    return false;
  }
  if (to.wildcard || to.address == "255.255.255.255") {
    c.reader.error(value, key + ": " + quoted(text) +
                              " cannot be sent to; write a group such as "
                              "\"239.1.1.1:6000\" or a receiver's own address");
    return false;
  }
  *out = to;
  return true;
}

DecimatedStream& last_stream(KeyContext& c) { return c.channel().decimated.back(); }

void read_to(KeyContext& c, const std::string& key, const ConfigMember& m) {
  read_destination(c, key, m.value, &last_stream(c).to);
}

void read_factor(KeyContext& c, const std::string& key, const ConfigMember& m) {
  int64_t factor;
  if (c.reader.integer(key, m.value, 1, int64_t{1} << 31, &factor)) {
    last_stream(c).factor = static_cast<uint32_t>(factor);
  }
}

void read_rate(KeyContext& c, const std::string& key, const ConfigMember& m) {
  uint64_t millihertz;
  if (c.reader.rate(key, m.value, &millihertz)) last_stream(c).rate_mhz = millihertz;
}

void read_method(KeyContext& c, const std::string& key, const ConfigMember& m) {
  constexpr std::string_view kMethods[] = {"downsample", "average", "minmax", "rms"};
  std::string method;
  if (c.reader.choice(key, m.value, kMethods, &method)) last_stream(c).method = method;
}

void read_hold(KeyContext& c, const std::string& key, const ConfigMember& m) {
  if (m.value.kind != ConfigValue::Kind::kArray) {
    c.reader.wrong_type(key, m.value, "a list of fields such as [\"mode_time\"]");
    return;
  }
  if (m.value.items.size() > kHoldFieldsMax) {
    c.reader.error(m.value, key + " has " + std::to_string(m.value.items.size()) +
                                " fields; at most " + std::to_string(kHoldFieldsMax));
    return;
  }
  std::vector<std::string>& hold = last_stream(c).hold;
  for (size_t i = 0; i < m.value.items.size(); ++i) {
    const ConfigValue& item = m.value.items[i];
    std::string field;
    if (!c.reader.string(key + "[" + std::to_string(i) + "]", item, "\"mode_time\"", kNameBytesMax,
                         &field)) {
      continue;
    }
    c.channel().keys[key + "[" + std::to_string(hold.size()) + "]"] = c.reader.place(item);
    hold.push_back(field);
  }
}

void read_max_wait(KeyContext& c, const std::string& key, const ConfigMember& m) {
  uint64_t us;
  if (c.reader.duration(key, m.value, 1000, 86400000000, 1000, &us)) {
    last_stream(c).max_wait_ms = us / 1000;
  }
}

constexpr InnerKey kDecimatedKeys[] = {
    {"to", read_to},         {"factor", read_factor}, {"rate", read_rate},
    {"method", read_method}, {"hold", read_hold},     {"max_wait", read_max_wait},
};

void read_stream(KeyContext& c, const ConfigValue& value) {
  const std::string prefix = "decimated[" + std::to_string(c.channel().decimated.size()) + "]";
  if (!c.reader.table(prefix, value, "{ to = \"239.1.1.2:6001\", factor = 50 }")) return;
  c.channel().decimated.emplace_back();
  read_inner_keys(c, prefix, value, kDecimatedKeys);
  const auto written = [&c, &prefix](const char* key) {
    return c.channel().keys.contains(prefix + key);
  };
  if (!written(".to")) {
    c.reader.error(value, prefix + " has no to; add to = \"239.1.1.2:6001\"");
  }
  if (!written(".factor") && !written(".rate")) {
    c.reader.error(value, prefix +
                              " has no factor; add factor = 50 for one datum in 50, or "
                              "rate = \"10Hz\" for ten a second");
  }
  if (written(".factor") && written(".rate")) {
    c.reader.error(value, prefix + " has both factor and rate; leave one out");
  }
}

}  // namespace

void read_full_rate(KeyContext& c, const ConfigMember& m) {
  Endpoint to;
  c.channel().full_rate.reset();
  if (read_destination(c, "full_rate", m.value, &to)) c.channel().full_rate = to;
}

void read_decimated(KeyContext& c, const ConfigMember& m) {
  c.channel().decimated.clear();
  c.forget("decimated[");
  if (m.value.kind == ConfigValue::Kind::kTable) {
    read_stream(c, m.value);
    return;
  }
  if (m.value.kind != ConfigValue::Kind::kArray) {
    c.reader.wrong_type("decimated", m.value, "{ to = \"239.1.1.2:6001\", factor = 50 }");
    return;
  }
  if (m.value.items.size() > kDecimatedMax) {
    c.reader.error(m.value, "decimated has " + std::to_string(m.value.items.size()) +
                                " streams; at most " + std::to_string(kDecimatedMax));
    return;
  }
  for (const ConfigValue& item : m.value.items) read_stream(c, item);
}

}  // namespace sdr
