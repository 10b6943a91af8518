#include "tools/gen/applied.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>

#include "relay/fd.h"
#include "tools/config/text_file.h"
#include "tools/gen/service_dir.h"

namespace sdr {
namespace fs = std::filesystem;
namespace {

constexpr size_t kFileBytesMax = 64 << 20;

std::string read_config_file(const std::string& path) {
  std::string text;
  std::string error;
  if (!read_text_file(path, kFileBytesMax, false, &text, &error)) {
    throw SystemError("unable to read " + path + ": " + error);
  }
  return text;
}

// All files below `dir`, by path within it.
std::map<std::string, std::string> stored_files(const std::string& dir) {
  std::map<std::string, std::string> out;
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(dir, failed)) {
    if (!entry.is_regular_file()) continue;
    std::string error;
    read_text_file(entry.path().string(), kFileBytesMax, false,
                   &out[entry.path().lexically_relative(dir).string()], &error);
  }
  return out;
}

}  // namespace

std::map<std::string, std::string> applied_files(const Config& config) {
  std::map<std::string, std::string> out;
  out["relay.toml"] = read_config_file(config.file);
  const size_t slash = config.file.rfind('/');
  const std::string dir = slash == std::string::npos ? "" : config.file.substr(0, slash + 1);
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::directory_iterator(dir + "channels.d", failed)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with('.') && name.ends_with(".toml")) {
      out["channels.d/" + name] = read_config_file(entry.path().string());
    }
  }
  for (const auto& [name, channel] : config.channels) {
    const std::string& path = channel.schema_path;
    const bool below = path.starts_with(dir) && (!dir.empty() || !path.starts_with('/'));
    if (below && path.size() > dir.size()) out[path.substr(dir.size())] = channel.schema.text;
  }
  return out;
}

namespace {

void write_files(const std::string& dir, const std::map<std::string, std::string>& files) {
  remove_directory(dir);
  ServiceTree tree;
  for (const auto& [path, text] : files) tree[path] = {0644, text};
  write_service(dir, tree);
}

}  // namespace

void write_applied(const std::string& run_dir, const std::map<std::string, std::string>& files) {
  const std::string place = run_dir + "/applied";
  const std::string next = run_dir + "/.applied.new";
  if (fs::exists(place) && stored_files(place) == files) return;
  write_files(next, files);
  // Where the kernel cannot exchange two names, readers may for an instant find none.
  if (syscall(SYS_renameat2, AT_FDCWD, next.c_str(), AT_FDCWD, place.c_str(), RENAME_EXCHANGE) <
      0) {
    remove_directory(place);
    rename_path(next, place);
  }
  remove_directory(next);
}

// Killed in between, `applied` may be missing: `previous` is the last one then.
void keep_applied(const std::string& state_dir, const std::map<std::string, std::string>& files) {
  const std::string place = state_dir + "/applied";
  const std::string next = state_dir + "/.applied.new";
  const bool there = fs::exists(place);
  if (there && stored_files(place) == files) return;
  make_directories(state_dir);
  write_files(next, files);
  const UniqueFd fd(open(state_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || syncfs(fd.get()) < 0) throw_system_error("sync", state_dir, errno);
  if (there) {
    remove_directory(state_dir + "/previous");
    rename_path(place, state_dir + "/previous");
  }
  rename_path(next, place);
  if (fsync(fd.get()) < 0) throw_system_error("sync", state_dir, errno);
}

std::string rollback_config(const std::string& run_dir, const std::string& state_dir) {
  const std::map<std::string, std::string> last = stored_files(state_dir + "/applied");
  if (last.contains("relay.toml") && last != stored_files(run_dir + "/applied")) {
    return state_dir + "/applied/relay.toml";
  }
  const std::string previous = state_dir + "/previous/relay.toml";
  return fs::exists(previous) ? previous : "";
}

std::string last_config(const std::string& state_dir) {
  for (const char* part : {"/applied/relay.toml", "/previous/relay.toml"}) {
    if (fs::exists(state_dir + part)) return state_dir + part;
  }
  return "";
}

}  // namespace sdr
