// The keys of a channel: one table of them, each with the function that reads it. [defaults] takes
// the same keys.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "tools/gen/config.h"
#include "tools/gen/key_reader.h"

namespace sdr {

// A channel as it is being read, with the values of keys whose effect is yet to come.
struct ChannelDraft {
  Channel channel;
  std::optional<uint64_t> memory_bytes;
  std::optional<uint64_t> cpu_quota_hundredths;
};

// The state of a channel of which no key is written.
ChannelDraft blank_channel();

// Reads every member of a [channel.NAME] or [defaults] table into *draft, over what stands there.
// Tables (record, cpus) merge key by key, lists replace.
void read_channel_keys(const ConfigValue& table, std::string_view where, KeyReader* reader,
                       Findings* findings, ChannelDraft* draft);

// Used by the files of this module.
struct KeyContext {
  KeyReader& reader;
  Findings& findings;
  ChannelDraft& draft;

  Channel& channel() { return draft.channel; }
  void note(const std::string& key, const ConfigMember& member) {
    draft.channel.keys[key] = reader.place(member);
  }
  void not_yet(const ConfigMember& member, std::string_view key);
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
