#include "tools/gen/channel_words.h"

#include <cstdio>
#include <cstdlib>

#include "tools/gen/manifest.h"
#include "tools/gen/stream_words.h"
#include "tools/lib/fd_holder.h"

namespace sdr {
namespace {

// Where only the receiver is pinned the writer may run anywhere; it would inherit the receiver's
// CPUs otherwise.
constexpr char kAnyCpu[] = "0-1023";

constexpr char kListenFd[] = "6";  // where sdr-relay finds its receive socket
constexpr char kUsualRun[] = "/run/speeddata";
constexpr size_t kHashPrefix = 8;  // "fnv1a64:"

std::string octal(uint32_t mode) {
  char text[16];
  snprintf(text, sizeof text, "%04o", mode);
  return text;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

// "50", "12.5" from hundredths of one per cent.
std::string percent_text(uint64_t hundredths) {
  char text[32];
  snprintf(text, sizeof text, "%llu.%02u", static_cast<unsigned long long>(hundredths / 100),
           static_cast<unsigned>(hundredths % 100));
  std::string out = text;
  while (out.ends_with('0')) out.pop_back();
  if (out.ends_with('.')) out.pop_back();
  return out;
}

// An option that has a default of its own is left out where the config is silent.
void add_text(WordGroups* out, const char* option, const std::string& value) {
  if (!value.empty()) out->push_back({option, value});
}

void add_number(WordGroups* out, const char* option, uint64_t value) {
  out->push_back({option, std::to_string(value)});
}

void add_recording(const Channel& channel, const Storage& storage, WordGroups* out) {
  const RecordOptions& record = *channel.record;
  out->push_back({"--record", recording_directory(channel, storage)});
  add_text(out, "--mount", storage.mount);
  out->push_back({"--mode", octal(storage.mode)});
  add_number(out, "--sync-ms", record.sync_ms);
  add_number(out, "--rotate-s", record.rotate_s);
  add_number(out, "--segment-bytes", record.segment_bytes);
  add_number(out, "--buffer-bytes", record.buffer_bytes);
  if (record.receive_time) out->push_back({"--receive-time"});
}

}  // namespace

std::string recording_directory(const Channel& channel, const Storage& storage) {
  return storage.path + (storage.path.ends_with('/') ? "" : "/") + "channel=" + channel.name;
}

WordGroups relay_words(const Channel& channel, const Storage& storage, const FleetPaths& paths) {
  WordGroups out;
  out.push_back({"--name", channel.name});
  out.push_back({"--listen", channel.listen.text()});
  add_text(&out, "--listen-interface", channel.listen_interface);
  add_text(&out, "--source", channel.source);
  for (const std::string& block : channel.allow) out.push_back({"--allow", block});
  out.push_back({"--layout", "data/layout"});
  out.push_back({"--header", "data/header"});
  if (channel.full_rate) out.push_back({"--full-rate", channel.full_rate->text()});
  for (const DecimatedStream& stream : channel.decimated) {
    out.push_back({"--decimated", decimated_word(channel, stream, Defaults::kLeftOut)});
  }
  add_text(&out, "--interface", channel.interface);
  add_number(&out, "--ttl", channel.ttl);
  add_number(&out, "--dscp", channel.dscp);
  add_number(&out, "--loopback", channel.loopback ? 1 : 0);
  out.push_back({"--invalid", channel.invalid});
  if (channel.sequence) out.push_back({"--sequence", sequence_word(channel)});
  if (channel.silence_ms) add_number(&out, "--silence-ms", *channel.silence_ms);
  if (channel.record) add_recording(channel, storage, &out);
  add_number(&out, "--receive-buffer-bytes", channel.receive_buffer_bytes);
  add_number(&out, "--catch-up-ms", channel.catch_up_ms);
  if (channel.batch_wait_us > 0) add_number(&out, "--batch-wait-us", channel.batch_wait_us);
  out.push_back({"--listen-fd", kListenFd});
  out.push_back({"--ring", paths.run + "/rings/" + channel.name});
  out.push_back({"--counters", paths.run + "/counters/" + channel.name});
  if (!channel.write_cpus.empty()) {
    out.push_back({"--write-cpus", channel.write_cpus});
  } else if (!channel.receive_cpus.empty()) {
    out.push_back({"--write-cpus", kAnyCpu});
  }
  return out;
}

WordGroups confine_words(const Channel& channel, const FleetPaths& paths, bool held) {
  WordGroups out;
  out.push_back({"--user", channel.user});
  if (!channel.isolation_required) out.push_back({"--best-effort"});
  out.push_back({"--cgroup", cgroup_of(channel.name, paths)});
  add_text(&out, "--cpus", channel.receive_cpus);
  if (channel.scheduler != "other") out.push_back({"--scheduler", channel.scheduler});
  out.push_back({"--listen", channel.listen.text()});
  add_text(&out, "--listen-interface", channel.listen_interface);
  add_text(&out, "--source", channel.source);
  add_number(&out, "--receive-buffer-bytes", channel.receive_buffer_bytes);
  out.push_back({"--listen-fd", kListenFd});
  for (const std::string_view holder : kHolderNames) {
    if (held) out.push_back({"--hold", holder_socket(paths, holder)});
  }
  return out;
}

WordGroups limit_words(const Channel& channel) {
  WordGroups out;
  if (channel.memory_bytes) add_number(&out, "--memory", *channel.memory_bytes);
  if (channel.cpu_quota_hundredths) {
    out.push_back({"--cpu-quota", percent_text(*channel.cpu_quota_hundredths)});
  }
  return out;
}

std::vector<std::string> operator_words(const std::string& group) {
  if (group.empty()) return {"-u"};
  return {"-G", group, "-E", group};
}

WordGroups log_confine_words(const Channel& channel) {
  return {{"--user", channel.user}, {"--best-effort"}};
}

std::string cgroup_of(const std::string& name, const FleetPaths& paths) {
  return paths.cgroup() + "/channel." + name;
}

std::string loggers_cgroup(const FleetPaths& paths) { return paths.cgroup() + "/loggers"; }

std::string FleetPaths::cgroup() const {
  return run == kUsualRun ? "speeddata" : "speeddata-" + hash_text(run).substr(kHashPrefix, 8);
}

std::string holder_socket(const FleetPaths& paths, std::string_view holder) {
  return paths.run + "/held/" + std::string(holder);
}

namespace {

void add_places(const FleetPaths& paths, ChannelValues* out) {
  const auto add = [out](const char* key, const std::string& value) {
    if (!value.empty()) (*out)[key] = value;
  };
  add("--run", paths.run);
  add("--log", paths.log);
  add("--bin", paths.bin);
  add("--target", paths.target == Target::kRunit ? "runit" : "s6");
  add("--scandir", paths.shares_scan_dir() ? paths.scan_dir : "");
  add("--prefix", paths.prefix);
}

}  // namespace

ChannelValues channel_values(const Channel& channel, const Storage& storage,
                             const FleetPaths& paths) {
  ChannelValues out;
  const auto add = [&out](const char* key, const std::string& value) {
    if (!value.empty()) out[key] = value;
  };
  add("listen", channel.listen.text());
  add("listen_interface", channel.listen_interface);
  add("source", channel.source);
  add("allow", joined(channel.allow));
  add("schema", hash_text(channel.schema.text));
  if (channel.full_rate) add("full_rate", channel.full_rate->text());
  std::vector<std::string> decimated;
  for (const DecimatedStream& stream : channel.decimated) {
    decimated.push_back(decimated_word(channel, stream, Defaults::kWritten));
  }
  add("decimated", joined(decimated));
  add("interface", channel.interface);
  add("ttl", std::to_string(channel.ttl));
  add("dscp", std::to_string(channel.dscp));
  add("loopback", channel.loopback ? "true" : "false");
  add("invalid", channel.invalid);
  if (channel.sequence) {
    add("sequence.field", channel.sequence->field);
    if (channel.sequence->wrap) add("sequence.wrap", std::to_string(*channel.sequence->wrap));
  }
  if (channel.silence_ms) add("silence", std::to_string(*channel.silence_ms));
  add("record", channel.record ? "true" : "false");
  if (channel.record) {
    add("record.sync", std::to_string(channel.record->sync_ms));
    add("record.rotate", std::to_string(channel.record->rotate_s));
    add("record.size", std::to_string(channel.record->segment_bytes));
    add("record.buffer", std::to_string(channel.record->buffer_bytes));
    if (channel.record->receive_time) add("record.receive_time", "true");
    add("storage.path", storage.path);
    add("storage.mount", storage.mount);
    add("storage.group", storage.group);
    add("storage.mode", octal(storage.mode));
    if (storage.min_free_bytes) add("storage.min_free", std::to_string(*storage.min_free_bytes));
    if (storage.min_free_hundredths)
      add("storage.min_free", percent_text(*storage.min_free_hundredths) + "%");
  }
  add("receive_buffer", std::to_string(channel.receive_buffer_bytes));
  add("catch_up", std::to_string(channel.catch_up_ms));
  add("batch_wait", std::to_string(channel.batch_wait_us));
  if (channel.retain && channel.retain->age_s) {
    add("retain.age", std::to_string(*channel.retain->age_s));
  }
  if (channel.retain && channel.retain->size_bytes) {
    add("retain.size", std::to_string(*channel.retain->size_bytes));
  }
  if (channel.cpu_quota_hundredths) {
    add("cpu_quota", percent_text(*channel.cpu_quota_hundredths) + "%");
  }
  if (channel.memory_bytes) add("memory", std::to_string(*channel.memory_bytes));
  add("isolation", channel.isolation_required ? "require" : "best-effort");
  add("user", channel.user);
  add("operators", channel.operators);
  add("cpus.receive", channel.receive_cpus);
  add("cpus.write", channel.write_cpus);
  add("scheduler", channel.scheduler);
  add_places(paths, &out);
  return out;
}

ChannelValues holder_values(const FleetPaths& paths) {
  ChannelValues out;
  add_places(paths, &out);
  return out;
}

CgroupLimits limits_of(const ChannelValues& values) {
  CgroupLimits out;
  const auto memory = values.find("memory");
  const auto quota = values.find("cpu_quota");
  if (memory != values.end()) out.memory_bytes = strtoull(memory->second.c_str(), nullptr, 10);
  if (quota != values.end()) {
    out.cpu_quota_hundredths =
        static_cast<uint64_t>(strtod(quota->second.c_str(), nullptr) * 100 + 0.5);
  }
  return out;
}

std::string hold_id_of(const ChannelValues& values) {
  const auto value = [&values](const char* key) {
    const auto found = values.find(key);
    return found == values.end() ? std::string() : found->second;
  };
  if (!values.contains("listen")) return "";
  return hold_id(value("listen"), value("listen_interface"), value("source"));
}

}  // namespace sdr
