// The keys of a channel: one table of them, each with the function that reads it. [defaults] takes
// the same keys.
#pragma once

#include <string_view>
#include <vector>

#include "tools/config/config.h"
#include "tools/config/key_reader.h"

namespace sdr {

// The state of a channel of which no key is written.
Channel blank_channel();

// Reads every member of a [channel.NAME] or [defaults] table into *channel, over what stands there.
// The tables record, retain and cpus merge key by key; lists and sequence replace.
void read_channel_keys(const ConfigValue& table, std::string_view where, KeyReader* reader,
                       Findings* findings, Channel* channel);

// Used by the files of this module.
struct KeyContext {
  KeyReader& reader;
  Findings& findings;
  Channel& into;

  Channel& channel() { return into; }
  void note(const std::string& key, const ConfigMember& member) {
    into.keys[key] = reader.place(member);
  }
  // Removes what was noted of the keys within a list or table that is about to be replaced.
  void forget(const std::string& prefix) {
    std::erase_if(into.keys, [&](const auto& key) { return key.first.starts_with(prefix); });
  }
};

// One key of an inner table such as record.
struct InnerKey {
  std::string_view name;
  void (*read)(KeyContext& context, const std::string& key, const ConfigMember& member);
};
void read_inner_keys(KeyContext& context, const std::string& prefix, const ConfigValue& table,
                     std::span<const InnerKey> keys);

void read_listen(KeyContext& context, const ConfigMember& member);
void read_listen_interface(KeyContext& context, const ConfigMember& member);
void read_source(KeyContext& context, const ConfigMember& member);
void read_allow(KeyContext& context, const ConfigMember& member);
void read_interface(KeyContext& context, const ConfigMember& member);
void read_full_rate(KeyContext& context, const ConfigMember& member);
void read_decimated(KeyContext& context, const ConfigMember& member);
void read_record(KeyContext& context, const ConfigMember& member);
void read_retain(KeyContext& context, const ConfigMember& member);
void read_sequence(KeyContext& context, const ConfigMember& member);
void read_cpus(KeyContext& context, const ConfigMember& member);
void read_scheduler(KeyContext& context, const ConfigMember& member);

}  // namespace sdr
