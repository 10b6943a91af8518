// Where a channel's datagrams come from, and by which interface its streams leave.
#include "tools/config/channel_keys.h"
#include "tools/config/endpoint.h"

namespace sdr {
namespace {

constexpr size_t kAllowEntriesMax = 64;   // as sdr-relay takes them
constexpr size_t kInterfaceNameMax = 15;  // IFNAMSIZ

void read_allow_entry(KeyContext& c, const std::string& key, const ConfigValue& value) {
  std::string text;
  std::string error;
  std::string block;
  bool ipv6;
  if (!c.reader.string(key, value, "\"10.0.0.0/24\"", kNameBytesMax, &text)) return;
  if (!read_block(text, &block, &ipv6, &error)) {
    c.reader.error(value, key + ": " + error);
    return;
  }
  const std::string name = "allow[" + std::to_string(c.channel().allow.size()) + "]";
  c.channel().keys[name] = c.reader.place(value);
  c.channel().allow.push_back(block);
}

}  // namespace

void read_listen(KeyContext& c, const ConfigMember& m) {
  std::string text;
  std::string error;
  c.channel().listen = Endpoint();
  if (!c.reader.string("listen", m.value, "\"0.0.0.0:26000\"", kNameBytesMax, &text)) return;
  if (!read_endpoint(text, &c.channel().listen, &error)) {
    c.reader.error(m.value, "listen: " + error);
  } else if (c.channel().listen.address == "255.255.255.255") {
    c.reader.error(m.value,
                   "listen: the broadcast address cannot be listened on; broadcasts "
                   "arrive at \"0.0.0.0\"");
    c.channel().listen = Endpoint();
  }
}

void read_listen_interface(KeyContext& c, const ConfigMember& m) {
  Endpoint address;
  std::string error;
  if (m.value.kind == ConfigValue::Kind::kString && read_address(m.value.text, &address, &error)) {
    c.reader.error(m.value, "listen_interface: " + quoted(m.value.text) +
                                " is an address; write the interface's name such as \"eth0\"");
    return;
  }
  c.reader.name("listen_interface", m.value, "\"eth0\"", kInterfaceNameMax,
                &c.channel().listen_interface);
}

void read_source(KeyContext& c, const ConfigMember& m) {
  std::string text;
  std::string error;
  Endpoint address;
  if (!c.reader.string("source", m.value, "\"10.0.0.7\"", kNameBytesMax, &text)) return;
  if (!read_address(text, &address, &error)) {
    c.reader.error(m.value, "source: " + error);
  } else if (address.multicast || address.wildcard) {
    c.reader.error(m.value, "source: " + quoted(text) +
                                " is not a sender's address; write it like \"10.0.0.7\"");
  } else {
    c.channel().source = address.address;
  }
}

void read_allow(KeyContext& c, const ConfigMember& m) {
  c.channel().allow.clear();
  c.forget("allow[");
  if (m.value.kind == ConfigValue::Kind::kString) {
    read_allow_entry(c, "allow", m.value);
    return;
  }
  if (m.value.kind != ConfigValue::Kind::kArray) {
    c.reader.wrong_type("allow", m.value, "a list such as [\"10.0.0.0/24\"]");
    return;
  }
  if (m.value.items.empty()) {
    c.reader.error(m.value,
                   "allow is an empty list, which no sender is in; leave it out to "
                   "believe every sender");
  }
  if (m.value.items.size() > kAllowEntriesMax) {
    c.reader.error(m.value, "allow has " + std::to_string(m.value.items.size()) +
                                " entries; at most " + std::to_string(kAllowEntriesMax));
    return;
  }
  for (size_t i = 0; i < m.value.items.size(); ++i) {
    read_allow_entry(c, "allow[" + std::to_string(i) + "]", m.value.items[i]);
  }
}

void read_interface(KeyContext& c, const ConfigMember& m) {
  Endpoint address;
  std::string error;
  if (m.value.kind != ConfigValue::Kind::kString || !read_address(m.value.text, &address, &error)) {
    c.reader.name("interface", m.value, "\"eth1\" or \"10.0.0.1\"", kInterfaceNameMax,
                  &c.channel().interface);
  } else if (address.multicast || address.wildcard) {
    c.reader.error(m.value, "interface: " + quoted(m.value.text) +
                                " is not an address of an interface; write it like \"10.0.0.1\"");
  } else {
    c.channel().interface = address.address;
  }
}

}  // namespace sdr
