#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <filesystem>

#include "tools/gen/render.h"
#include "tools/gen/service_dir.h"

namespace sdr {
namespace fs = std::filesystem;
namespace {

using Trees = std::map<std::string, ServiceTree>;

// Whether the directory is free to be written: it is absent or holds nothing but an earlier
// rendering.
void check_target(const std::string& dir) {
  if (!fs::exists(dir)) return;
  const auto refuse = [](const fs::path& path, const char* why) {
    throw Failure(kInvalid, "--render: " + path.string() + " " + why +
                                "; name an empty directory or an earlier rendering");
  };
  if (!fs::is_directory(dir)) refuse(dir, "is not a directory");
  for (const fs::directory_entry& entry : fs::directory_iterator(dir)) {
    const std::string name = entry.path().filename().string();
    if (name != "live" && name != "service") refuse(entry.path(), "is in the way");
  }
  if (fs::exists(dir + "/live")) {
    for (const fs::directory_entry& entry : fs::directory_iterator(dir + "/live")) {
      if (fs::exists(entry.path() / "supervise")) refuse(entry.path(), "is a live service");
      if (!read_service(entry.path().string(), {}).ours) refuse(entry.path(), "is not ours");
    }
  }
  if (fs::exists(dir + "/service")) {
    for (const fs::directory_entry& entry : fs::directory_iterator(dir + "/service")) {
      if (!entry.is_symlink()) refuse(entry.path(), "is not ours");
    }
  }
}

void remove_stale(const std::string& dir, const Trees& trees) {
  for (const char* part : {"/live", "/service"}) {
    if (!fs::exists(dir + part)) continue;
    for (const fs::directory_entry& entry : fs::directory_iterator(dir + part)) {
      if (!trees.contains(entry.path().filename().string())) fs::remove_all(entry.path());
    }
  }
}

void write_trees(const std::string& dir, const Trees& trees) {
  make_directories(dir + "/live");
  make_directories(dir + "/service");
  for (const auto& [name, tree] : trees) {
    const std::string service = dir + "/live/" + name;
    const StoredService before = read_service(service, tree);
    if (!before.exists) {
      write_service(service, tree);
    } else {
      StagedService(service, before.files, tree).install();
    }
    const std::string link = dir + "/service/" + name;
    if (symlink(("../live/" + name).c_str(), link.c_str()) < 0 && errno != EEXIST) {
      throw_system_error("create", link, errno);
    }
  }
}

}  // namespace

void render_command(const Config& config, const GenOptions& options, const std::string& dir) {
  const Trees trees =
      render_config(config, fleet_paths(options), load_templates(find_templates(options)));
  check_target(dir);
  remove_stale(dir, trees);
  write_trees(dir, trees);
}

}  // namespace sdr
