#include "tools/gen/render.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "tools/config/text_file.h"
#include "tools/lib/receive_time.h"

namespace sdr {
namespace fs = std::filesystem;
namespace {

constexpr size_t kTemplateBytesMax = 1 << 20;
constexpr char kUsualState[] = "/var/lib/speeddata";
// What we put into a service directory beside what is rendered from templates.
constexpr std::string_view kOwnFiles[] = {"data/layout", "data/header", "data/schema.avsc",
                                          "data/manifest", "down"};

std::string own_directory() {
  std::error_code failed;
  const fs::path self = fs::read_symlink("/proc/self/exe", failed);
  return self.parent_path().string();
}

std::string absolute_path(const std::string& path) {
  std::string text = fs::absolute(path).lexically_normal().string();
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

void load_below(const std::string& directory, const std::string& prefix, ServiceTemplate* out) {
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, failed)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with('.') || name.ends_with('~')) continue;
    if (entry.is_directory()) {
      load_below(entry.path().string(), prefix + name + "/", out);
      continue;
    }
    std::string error;
    std::string* text = &out->files[prefix + name];
    if (!read_text_file(entry.path().string(), kTemplateBytesMax, false, text, &error)) {
      throw RenderError("template " + entry.path().string() + ": " + error);
    }
  }
  if (failed) throw RenderError("templates " + directory + ": " + failed.message());
}

TemplateWords template_words(const Channel& channel, const Storage& storage,
                             const FleetPaths& paths, bool held) {
  TemplateWords words;
  words["name"] = {{channel.name}};
  words["user"] = {{channel.user}};
  words["cgroup"] = {{cgroup_of(channel.name, paths)}};
  words["log_cgroup"] = {{loggers_cgroup(paths)}};
  words["confine"] = {{paths.bin + "/sdr-confine"}};
  words["confine_options"] = confine_words(channel, paths, held);
  words["limits"] = limit_words(channel);
  words["operators"] = {operator_words(channel.operators)};
  words["relay"] = {{paths.bin + "/sdr-relay"}};
  words["relay_options"] = relay_words(channel, storage, paths);
  words["log_confine_options"] = log_confine_words(channel);
  words["log"] = {{paths.log + "/" + channel.name}};
  return words;
}

// Marked in it is what every stream of the channel carries.
std::string channel_layout(const Channel& channel) {
  const SchemaField* sequence =
      channel.sequence ? find_field(channel.schema, channel.sequence->field) : nullptr;
  return sequence ? layout_holding(channel.schema, *sequence) : channel.schema.layout;
}

std::string recorded_schema(const Channel& channel) {
  const bool extended = channel.record && channel.record->receive_time;
  return extended ? with_receive_time(channel.schema.text) : channel.schema.text;
}

ServiceTemplate load_template(const std::string& directory) {
  ServiceTemplate out{directory, {}};
  load_below(directory, "", &out);
  if (!out.files.contains("run")) throw RenderError("templates " + directory + ": there is no run");
  for (const auto& [path, text] : out.files) {
    const bool ours =
        std::find(std::begin(kOwnFiles), std::end(kOwnFiles), path) != std::end(kOwnFiles);
    if (ours || path.starts_with("supervise/") || path.starts_with("event/")) {
      throw RenderError("template " + directory + "/" + path + ": this name is taken");
    }
  }
  return out;
}

ServiceTree expand_all(const ServiceTemplate& templates, const TemplateWords& words,
                       Target target) {
  ServiceTree tree;
  for (const auto& [path, text] : templates.files) {
    try {
      const uint32_t mode = text.starts_with("#!") ? 0755 : 0644;
      const WordStyle& style = target == Target::kRunit ? kShellStyle : kExeclineStyle;
      tree[path] = {mode, expand_template(text, words, style)};
    } catch (const TemplateError& e) {
      throw RenderError(templates.directory + "/" + path + ":" + std::to_string(e.line) + ": " +
                        e.what());
    }
  }
  return tree;
}

}  // namespace

ServiceTemplates load_templates(const std::string& directory) {
  ServiceTemplates out;
  out.channel = load_template(directory + "/channel");
  if (fs::exists(directory + "/fdholder")) out.holder = load_template(directory + "/fdholder");
  return out;
}

std::string find_templates(const GenOptions& options) {
  const std::string target = options.target == Target::kRunit ? "runit" : "s6";
  if (!options.templates_dir.empty()) return options.templates_dir + "/" + target;
  const std::string here = own_directory();
  const std::string installed = here + "/../share/speeddata-relay/servicedirs/" + target;
  std::error_code failed;
  return fs::exists(installed, failed) ? installed : here + "/../../servicedirs/" + target;
}

FleetPaths fleet_paths(const GenOptions& options) {
  FleetPaths out;
  out.run = absolute_path(options.run_dir);
  out.log = absolute_path(options.log_dir);
  out.bin = absolute_path(options.bin_dir.empty() ? own_directory() : options.bin_dir);
  out.state = !options.state_dir.empty()                ? absolute_path(options.state_dir)
              : options.run_dir == GenOptions().run_dir ? kUsualState
                                                        : out.run + "/state";
  out.scan_dir = options.scan_dir.empty() ? out.run + "/service" : absolute_path(options.scan_dir);
  out.prefix = options.prefix;
  out.target = options.target;
  return out;
}

ServiceTree render_channel(const Channel& channel, const Storage& storage, const FleetPaths& paths,
                           const ServiceTemplates& templates) {
  if (paths.target == Target::kRunit && !channel.operators.empty()) {
    throw RenderError("channel " + channel.name +
                      ": operators takes s6, which --target runit is not");
  }
  TemplateWords words = template_words(channel, storage, paths, templates.holds());
  ServiceTree tree = expand_all(templates.channel, words, paths.target);
  tree["data/layout"] = {0644, channel_layout(channel) + "\n"};
  tree["data/header"] = {0644, channel_header(recorded_schema(channel), channel.name)};
  tree["data/schema.avsc"] = {0644, channel.schema.text};
  ServiceTree start = tree;
  words["limits"] = words["operators"] = {};
  for (auto& [path, file] : expand_all(templates.channel, words, paths.target)) {
    start[path] = file;
  }
  tree[kManifestPath] = {
      0644, make_manifest(tree, channel_values(channel, storage, paths), start_hash(start))};
  return tree;
}

ServiceTree render_holder(std::string_view name, const FleetPaths& paths,
                          const ServiceTemplate& templates) {
  const std::string_view other = name == kHolderNames[0] ? kHolderNames[1] : kHolderNames[0];
  TemplateWords words;
  words["confine"] = {{paths.bin + "/sdr-confine"}};
  words["socket"] = {{holder_socket(paths, name)}};
  words["other"] = {{holder_socket(paths, other)}};
  ServiceTree tree = expand_all(templates, words, paths.target);
  tree[kManifestPath] = {0644, make_manifest(tree, holder_values(paths), start_hash(tree))};
  return tree;
}

std::map<std::string, ServiceTree> render_config(const Config& config, const FleetPaths& paths,
                                                 const ServiceTemplates& templates) {
  std::map<std::string, ServiceTree> out;
  for (const auto& [name, channel] : config.channels) {
    if (channel.enabled) out[name] = render_channel(channel, config.storage, paths, templates);
  }
  if (out.empty() || !templates.holds()) return out;
  for (const std::string_view name : kHolderNames) {
    out[std::string(name)] = render_holder(name, paths, templates.holder);
  }
  return out;
}

}  // namespace sdr
