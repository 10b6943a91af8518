#include "tools/gen/render.h"

#include <unistd.h>

#include <filesystem>
#include <vector>

#include "tools/gen/text_file.h"

namespace sdr {
namespace fs = std::filesystem;
namespace {

constexpr size_t kTemplateBytesMax = 1 << 20;
constexpr char kTarget[] = "s6";

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

void load_below(const std::string& directory, const std::string& prefix, ServiceTemplates* out) {
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
                             const FleetPaths& paths) {
  TemplateWords words;
  words["name"] = {{channel.name}};
  words["user"] = {{channel.user}};
  words["confine"] = {{paths.bin + "/sdr-confine"}};
  words["confine_options"] = confine_words(channel);
  words["relay"] = {{paths.bin + "/sdr-relay"}};
  words["relay_options"] = relay_words(channel, storage, paths);
  words["log_confine_options"] = log_confine_words(channel);
  words["log"] = {{paths.log + "/" + channel.name}};
  return words;
}

}  // namespace

ServiceTemplates load_templates(const std::string& directory) {
  ServiceTemplates out{directory, {}};
  load_below(directory, "", &out);
  if (!out.files.contains("run")) throw RenderError("templates " + directory + ": there is no run");
  for (const auto& [path, text] : out.files) {
    if (path.starts_with("data/") || path.starts_with("supervise/") || path.starts_with("event/") ||
        path == "down") {
      throw RenderError("template " + directory + "/" + path + ": this name is taken");
    }
  }
  return out;
}

std::string find_templates(const GenOptions& options) {
  if (!options.templates_dir.empty()) return options.templates_dir + "/" + kTarget;
  const std::string here = own_directory();
  const std::string installed = here + "/../share/speeddata-relay/servicedirs/" + kTarget;
  std::error_code failed;
  return fs::exists(installed, failed) ? installed : here + "/../../servicedirs/" + kTarget;
}

FleetPaths fleet_paths(const GenOptions& options) {
  return {absolute_path(options.run_dir), absolute_path(options.log_dir),
          absolute_path(options.bin_dir.empty() ? own_directory() : options.bin_dir)};
}

ServiceTree render_channel(const Channel& channel, const Storage& storage, const FleetPaths& paths,
                           const ServiceTemplates& templates) {
  const TemplateWords words = template_words(channel, storage, paths);
  ServiceTree tree;
  for (const auto& [path, text] : templates.files) {
    try {
      const uint32_t mode = text.starts_with("#!") ? 0755 : 0644;
      tree[path] = {mode, expand_template(text, words, kExeclineStyle)};
    } catch (const TemplateError& e) {
      throw RenderError(templates.directory + "/" + path + ":" + std::to_string(e.line) + ": " +
                        e.what());
    }
  }
  tree["data/layout"] = {0644, channel.schema.layout + "\n"};
  tree["data/header"] = {0644, channel_header(channel.schema, channel.name)};
  tree["data/schema.avsc"] = {0644, channel.schema.text};
  const ChannelValues values = channel_values(channel, storage, paths);
  tree[kManifestPath] = {0644, make_manifest(tree, values)};
  return tree;
}

std::map<std::string, ServiceTree> render_config(const Config& config, const FleetPaths& paths,
                                                 const ServiceTemplates& templates) {
  std::map<std::string, ServiceTree> out;
  for (const auto& [name, channel] : config.channels) {
    if (channel.enabled) out[name] = render_channel(channel, config.storage, paths, templates);
  }
  return out;
}

}  // namespace sdr
