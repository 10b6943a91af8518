#include "tools/gen/places.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "tools/gen/host.h"
#include "tools/gen/service_dir.h"

namespace sdr {
namespace fs = std::filesystem;
namespace {

struct Owner {
  uid_t uid = 0;
  gid_t gid = 0;
};

std::string value_of(const ChannelValues& values, const char* key) {
  const auto found = values.find(key);
  return found == values.end() ? "" : found->second;
}

Owner owner_of(const ChannelValues& values) {
  const std::string user = value_of(values, "user");
  const passwd* entry = getpwnam(user.c_str());
  if (!entry) throw SystemError("unknown user " + user);
  return {entry->pw_uid, entry->pw_gid};
}

// What lies in a directory follows its new owner. A hard link might lead out of it, so a file with
// several is left.
void give_below(int dir_fd, const Owner& owner, int depth) {
  DIR* dir = fdopendir(dir_fd);
  if (!dir) {
    close(dir_fd);
    return;
  }
  while (const dirent* entry = readdir(dir)) {
    const char* name = entry->d_name;
    struct stat status;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
    if (fstatat(dir_fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0) continue;
    if (S_ISDIR(status.st_mode) && depth > 0) {
      const int below =
          openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
      if (below >= 0) give_below(below, owner, depth - 1);
    }
    if (S_ISREG(status.st_mode) && status.st_nlink > 1) continue;
    (void)fchownat(dir_fd, name, owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW);
  }
  closedir(dir);
}

// The directory itself comes last, so that an apply killed in between begins again.
void give_directory(const std::string& path, const Owner& owner, uint32_t mode) {
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) throw_system_error("open", path, errno);
  struct stat status = {};
  int failed = fstat(fd, &status) < 0 ? errno : 0;
  const bool other = status.st_uid != owner.uid || status.st_gid != owner.gid;
  if (failed == 0 && other) {
    const int below = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (below >= 0 && status.st_uid != owner.uid) give_below(below, owner, 1);
    if (below >= 0 && status.st_uid == owner.uid) close(below);
    if (fchown(fd, owner.uid, owner.gid) < 0) failed = errno;
  }
  const bool set_mode = other || (status.st_mode & 07777) != mode;
  if (failed == 0 && set_mode && fchmod(fd, mode) < 0) failed = errno;
  close(fd);
  if (failed != 0) throw_system_error("change the owner or mode of", path, failed);
}

void make_owned_directory(const std::string& path, const Owner& owner, uint32_t mode) {
  const bool made = mkdir(path.c_str(), 0700) == 0;
  if (!made && errno != EEXIST) throw_system_error("create", path, errno);
  if (made || geteuid() == 0) give_directory(path, owner, mode);
}

void make_counters(const std::string& path, const Owner& owner) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (fd < 0) throw_system_error("create", path, errno);
  struct stat status = {};
  int failed = fstat(fd, &status) < 0 ? errno : 0;
  if (failed == 0 && status.st_uid != owner.uid && fchown(fd, owner.uid, owner.gid) < 0) {
    failed = errno;
  }
  if (failed == 0 && (status.st_mode & 07777) != 0644 && fchmod(fd, 0644) < 0) failed = errno;
  close(fd);
  if (failed != 0) throw_system_error("change the owner or mode of", path, failed);
}

}  // namespace

void make_fleet_directories(const FleetPaths& paths) {
  for (const char* part : {"/service", "/live", "/counters", "/rings"}) {
    make_directories(paths.run + part);
  }
  struct statvfs status;
  if (statvfs(paths.run.c_str(), &status) == 0 && (status.f_flag & ST_NOEXEC) != 0) {
    throw SystemError(paths.run + " is mounted noexec, and services are started from there; give " +
                      "it a file system of its own (mount -t tmpfs -o mode=755 tmpfs " + paths.run +
                      "), or take another --run");
  }
  // The sockets of those who hold sockets: whoever reaches them could have the channels' data.
  const std::string held = paths.run + "/held";
  if (mkdir(held.c_str(), 0700) < 0 && errno != EEXIST) throw_system_error("create", held, errno);
}

std::vector<std::string> make_recording_directory(const std::string& name,
                                                  const ChannelValues& values) {
  const std::string storage = value_of(values, "storage.path");
  const std::string mount = value_of(values, "storage.mount");
  std::error_code failed;
  if (storage.empty() || !fs::is_directory(storage, failed)) return {};
  if (!mount.empty() && !is_mounted(mount)) return {};
  std::vector<std::string> warnings;
  try {
    Owner owner = owner_of(values);
    const std::string group = value_of(values, "storage.group");
    if (!group.empty()) {
      const struct group* entry = getgrnam(group.c_str());
      if (!entry) throw SystemError("unknown group " + group);
      owner.gid = entry->gr_gid;
    }
    const uint32_t mode =
        static_cast<uint32_t>(strtoul(value_of(values, "storage.mode").c_str(), nullptr, 8));
    // Who may read the files may enter the directory.
    make_owned_directory((storage == "/" ? "" : storage) + "/channel=" + name, owner,
                         mode | 02000 | ((mode & 0444) >> 2));
  } catch (const SystemError& e) {
    warnings.push_back(e.what());
  }
  return warnings;
}

std::vector<std::string> make_places(const std::string& name, const ChannelValues& values,
                                     const FleetPaths& paths) {
  const Owner owner = owner_of(values);
  make_directories(paths.log);
  make_owned_directory(paths.log + "/" + name, owner, 0755);
  make_owned_directory(paths.run + "/rings/" + name, owner, 0700);
  make_counters(paths.run + "/counters/" + name, owner);
  return make_recording_directory(name, values);
}

bool remove_places(const std::string& name, const FleetPaths& paths) {
  const std::string ring = paths.run + "/rings/" + name;
  unlink((paths.run + "/counters/" + name).c_str());
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::directory_iterator(ring, failed)) {
    const std::string file = entry.path().filename().string();
    if (file == "current" || file.starts_with("left-")) return false;
  }
  remove_directory(ring);
  return true;
}

}  // namespace sdr
