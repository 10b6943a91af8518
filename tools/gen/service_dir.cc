#include "tools/gen/service_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include "tools/config/text_file.h"

namespace sdr {
namespace fs = std::filesystem;
namespace {

constexpr size_t kFileBytesMax = 64 << 20;
constexpr char kStage[] = "/data/.new";

bool read_service_file(const std::string& path, ServiceFile* out) {
  struct stat status;
  std::string error;
  if (lstat(path.c_str(), &status) < 0 || !S_ISREG(status.st_mode)) return false;
  out->mode = status.st_mode & 07777;
  return read_text_file(path, kFileBytesMax, false, &out->content, &error);
}

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

}  // namespace

void throw_system_error(const std::string& what, const std::string& path, int sys_errno) {
  throw SystemError("unable to " + what + " " + path + ": " + strerror(sys_errno));
}

StoredService read_service(const std::string& dir, const ServiceTree& more) {
  StoredService out;
  struct stat status;
  out.exists = lstat(dir.c_str(), &status) == 0;
  if (!out.exists || !S_ISDIR(status.st_mode)) return out;
  ServiceFile manifest;
  out.marked = read_service_file(dir + "/" + kManifestPath, &manifest);
  out.ours = out.marked && parse_manifest(manifest.content, &out.manifest);
  if (!out.ours) return out;
  out.files[kManifestPath] = std::move(manifest);
  std::set<std::string> paths;
  for (const auto& [path, entry] : out.manifest.files) paths.insert(path);
  for (const auto& [path, file] : more) paths.insert(path);
  for (const std::string& path : paths) {
    ServiceFile file;
    if (read_service_file(dir + "/" + path, &file)) out.files[path] = std::move(file);
  }
  return out;
}

Manifest read_manifest(const std::string& dir) {
  ServiceFile file;
  Manifest out;
  if (!read_service_file(dir + "/" + kManifestPath, &file) || !parse_manifest(file.content, &out)) {
    return {};
  }
  return out;
}

void write_service(const std::string& dir, const ServiceTree& tree) {
  for (const auto& [path, file] : tree) {
    make_directories(parent_of(dir + "/" + path));
    write_service_file(dir + "/" + path, file);
  }
}

std::vector<std::string> changed_files(const ServiceTree& from, const ServiceTree& to) {
  std::set<std::string> out;
  for (const auto& [path, file] : from) {
    if (!to.contains(path)) out.insert(path);
  }
  for (const auto& [path, file] : to) {
    const auto there = from.find(path);
    if (there == from.end() || there->second != file) out.insert(path);
  }
  return {out.begin(), out.end()};
}

StagedService::StagedService(std::string dir, const ServiceTree& from, const ServiceTree& to)
    : dir_(std::move(dir)), stage_(dir_ + kStage) {
  remove_directory(stage_.path);
  make_directories(stage_.path);
  size_t number = 0;
  for (const std::string& path : changed_files(from, to)) {
    const auto file = to.find(path);
    if (file == to.end()) {
      gone_.push_back(dir_ + "/" + path);
      continue;
    }
    const Move move = {stage_.path + "/" + std::to_string(number++), dir_ + "/" + path};
    write_service_file(move.from, file->second);
    moves_.push_back(move);
  }
  std::stable_partition(moves_.begin(), moves_.end(),
                        [](const Move& move) { return !move.to.ends_with(kManifestPath); });
}

void StagedService::install() {
  for (const std::string& path : gone_) {
    if (unlink(path.c_str()) < 0 && errno != ENOENT) throw_system_error("remove", path, errno);
  }
  for (const Move& move : moves_) {
    make_directories(parent_of(move.to));
    rename_path(move.from, move.to);
  }
  remove_directory(stage_.path);
}

StagedService::Stage::~Stage() {
  try {
    if (!path.empty()) remove_directory(path);
  } catch (const SystemError&) {  // The next stage there begins with it.
  }
}

void write_service_file(const std::string& path, const ServiceFile& file) {
  const int fd =
      open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, file.mode);
  if (fd < 0) throw_system_error("create", path, errno);
  size_t done = 0;
  int failed = fchmod(fd, file.mode) < 0 ? errno : 0;
  while (failed == 0 && done < file.content.size()) {
    const ssize_t n = write(fd, file.content.data() + done, file.content.size() - done);
    if (n >= 0) {
      done += static_cast<size_t>(n);
    } else if (errno != EINTR) {
      failed = errno;
    }
  }
  if (close(fd) < 0 && failed == 0) failed = errno;
  if (failed != 0) throw_system_error("write", path, failed);
}

void make_directories(const std::string& path) {
  if (path.empty() || mkdir(path.c_str(), 0755) == 0) return;
  if (errno == EEXIST) {
    struct stat status;
    if (stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return;
    throw_system_error("create", path, ENOTDIR);
  }
  if (errno != ENOENT || parent_of(path) == path) throw_system_error("create", path, errno);
  make_directories(parent_of(path));
  if (mkdir(path.c_str(), 0755) < 0 && errno != EEXIST) throw_system_error("create", path, errno);
}

void remove_directory(const std::string& path) {
  std::error_code failed;
  fs::remove_all(path, failed);
  if (failed) throw_system_error("remove", path, failed.value());
}

void remove_at_once(const std::string& path) {
  const std::string aside = parent_of(path) + "/." + path.substr(path.rfind('/') + 1) + ".gone";
  remove_directory(aside);
  if (rename(path.c_str(), aside.c_str()) < 0) {
    if (errno != ENOENT) throw_system_error("rename", path, errno);
    return;
  }
  remove_directory(aside);
}

void rename_path(const std::string& path, const std::string& to) {
  if (rename(path.c_str(), to.c_str()) < 0) throw_system_error("rename " + path + " to", to, errno);
}

}  // namespace sdr
