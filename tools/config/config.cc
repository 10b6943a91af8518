#include "tools/config/config.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <algorithm>
#include <exception>

#include "relay/format/segment_name.h"
#include "tools/config/channel_keys.h"
#include "tools/config/check_rules.h"
#include "tools/config/diagnostic.h"
#include "tools/config/schema_files.h"
#include "tools/config/storage_keys.h"

namespace sdr {
namespace {

constexpr size_t kConfigBytesMax = 4 << 20;
constexpr std::string_view kReservedNames[] = {"fdholder", "fdholder2", "prune"};

std::string directory_of(const std::string& file) {
  const size_t slash = file.rfind('/');
  if (slash == std::string::npos) return "";
  return slash == 0 ? "/" : file.substr(0, slash);
}

// The loading of one configuration, step by step.
class Loader {
 public:
  Loader(const std::string& file, Schemas schemas)
      : file_(file), schemas_(schemas), dir_(directory_of(file)), defaults_(blank_channel()) {
    out_.config.file = file;
  }

  LoadedConfig run() {
    defaults_known_ = parse_file(file_, true, &main_);
    if (defaults_known_) read_main();
    for (const std::string& path : extra_files()) read_extra(path);
    finish();
    out_.diagnostics = findings_.take();
    return std::move(out_);
  }

 private:
  bool parse_file(const std::string& path, bool pipes, ConfigValue* root) {
    std::string text;
    std::string error;
    if (!read_text_file(path, kConfigBytesMax, pipes, &text, &error)) {
      findings_.error({path, 0, 0}, "unable to read: " + error);
      return false;
    }
    findings_.add_source(path, text);
    return parse_document(text, path, root, &findings_);
  }

  void read_main() {
    KeyReader reader(file_, &findings_);
    // [defaults] comes first, wherever it stands.
    for (const ConfigMember& member : main_.members) {
      if (member.key != "defaults") continue;
      if (reader.table("defaults", member.value, "[defaults]")) {
        read_channel_keys(member.value, "[defaults]", &reader, &findings_, &defaults_);
      }
    }
    for (const ConfigMember& member : main_.members) {
      if (member.key == "storage") {
        storage_place_ = reader.place(member);
        if (!reader.table("storage", member.value, "[storage]")) continue;
        read_storage_keys(member.value, &reader, &findings_, &out_.config.storage);
      } else if (member.key == "channel") {
        read_channels(member.value, file_);
      } else if (member.key != "defaults") {
        constexpr std::string_view kKnown[] = {"storage", "defaults", "channel"};
        reader.unknown_key(member, "the file", kKnown,
                           "; it holds [storage], [defaults] and [channel.NAME]");
      }
    }
  }

  void read_extra(const std::string& path) {
    ConfigValue root;
    if (!parse_file(path, false, &root)) return;
    KeyReader reader(path, &findings_);
    for (const ConfigMember& member : root.members) {
      if (member.key == "channel") {
        read_channels(member.value, path);
      } else if (member.key == "storage" || member.key == "defaults") {
        reader.error(member, "[" + member.key + "] cannot stand in channels.d; it belongs in " +
                                 quoted(file_));
      } else {
        constexpr std::string_view kKnown[] = {"channel"};
        reader.unknown_key(member, "the file", kKnown, "; it holds [channel.NAME] only");
      }
    }
  }

  void read_channels(const ConfigValue& value, const std::string& file) {
    KeyReader reader(file, &findings_);
    if (!reader.table("channel", value, "[channel.NAME]")) return;
    std::vector<const ConfigMember*> in_order;
    for (const ConfigMember& member : value.members) in_order.push_back(&member);
    std::sort(in_order.begin(), in_order.end(), [](const ConfigMember* a, const ConfigMember* b) {
      return std::make_pair(a->line, a->column) < std::make_pair(b->line, b->column);
    });
    for (const ConfigMember* member : in_order) read_channel(*member, &reader);
  }

  void read_channel(const ConfigMember& member, KeyReader* reader) {
    const bool good_name = check_name(member, reader);
    const std::string where = "channel " + quoted(member.key);
    if (!reader->table("channel." + printable(member.key, 64), member.value, "[channel.engine]")) {
      return;
    }
    Channel channel = defaults_;
    channel.name = member.key;
    channel.place = reader->place(member);
    read_channel_keys(member.value, where, reader, &findings_, &channel);
    check_channel(channel, defaults_known_ ? &defaults_ : nullptr, &findings_);
    if (!good_name) return;
    const auto [first, is_new] = out_.config.channels.try_emplace(member.key);
    if (!is_new) {
      const Place& at = first->second.place;
      reader->error(member, where + " stands twice; the first is at " + at.file + ":" +
                                std::to_string(at.line) + ":" + std::to_string(at.column));
      return;
    }
    first->second = std::move(channel);
    in_order_.push_back(&first->second);
  }

  bool check_name(const ConfigMember& member, KeyReader* reader) {
    const std::string& name = member.key;
    if (out_.config.channels.size() >= kChannelsMax) {
      if (!too_many_) {
        reader->error(member, "more than " + std::to_string(kChannelsMax) + " channels");
      }
      too_many_ = true;
      return false;
    }
    if (!is_channel_name(name)) {
      std::string lower = name;
      for (char& c : lower) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
        if (c == ' ' || c == '.') c = '_';
      }
      reader->error(member, "channel name " + quoted(name) +
                                " is not 1 to 63 of a-z 0-9 _ - beginning with a letter or digit" +
                                (is_channel_name(lower) ? "; did you mean " + quoted(lower) + "?"
                                                        : "; choose another"));
      return false;
    }
    if (std::find(std::begin(kReservedNames), std::end(kReservedNames), name) !=
        std::end(kReservedNames)) {
      reader->error(member, "channel name " + quoted(name) +
                                " is taken by a service of our own; choose another");
      return false;
    }
    return true;
  }

  // channels.d/*.toml beside the main file, by name.
  std::vector<std::string> extra_files() {
    const std::string dir = (dir_.empty() ? "" : dir_ == "/" ? "/" : dir_ + "/") + "channels.d";
    std::vector<std::string> files;
    DIR* list = opendir(dir.c_str());
    if (!list) {
      if (errno != ENOENT) {
        findings_.error({dir, 0, 0}, std::string("unable to read: ") + strerror(errno));
      }
      return files;
    }
    while (const dirent* entry = readdir(list)) {
      const std::string_view name = entry->d_name;
      if (name.starts_with('.') || !name.ends_with(".toml")) continue;
      files.push_back(dir + "/" + std::string(name));
    }
    closedir(list);
    std::sort(files.begin(), files.end());
    return files;
  }

  void finish() {
    SchemaFiles schemas(dir_, &findings_);
    for (Channel* channel : in_order_) {
      if (schemas_ == Schemas::kLeft) break;
      schemas.compile(channel);
      if (!channel->schema.layout.empty()) check_fields(*channel, &findings_);
    }
    const std::vector<const Channel*> channels(in_order_.begin(), in_order_.end());
    check_between_channels(channels, &findings_);
    check_storage(channels);
  }

  // storage.path is required once anything records.
  void check_storage(const std::vector<const Channel*>& channels) {
    if (out_.config.storage.keys.contains("path") || !defaults_known_) return;
    for (const Channel* channel : channels) {
      if (!channel->record) continue;
      const Place place = storage_place_.line != 0 ? storage_place_ : channel->place;
      findings_.error(place, "storage.path is missing, and channel " + quoted(channel->name) +
                                 " records; add path = \"/srv/telemetry\" to [storage], or "
                                 "record = false to the channel");
      return;
    }
  }

  const std::string file_;
  const Schemas schemas_;
  const std::string dir_;
  Findings findings_;
  ConfigValue main_;
  Channel defaults_;
  Place storage_place_;
  std::vector<Channel*> in_order_;
  bool defaults_known_ = false;  // the main file could be parsed
  bool too_many_ = false;
  LoadedConfig out_;
};

}  // namespace

LoadedConfig load_config(const std::string& file, Schemas schemas) {
  try {
    return Loader(file, schemas).run();
  } catch (const std::exception& e) {
    LoadedConfig out;
    out.config.file = file;
    out.diagnostics.push_back(
        {Severity::kError, file, 0, 0, std::string("unable to load: ") + e.what(), ""});
    return out;
  }
}

}  // namespace sdr
