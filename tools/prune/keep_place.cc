#include "tools/prune/keep_place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>

#include <algorithm>
#include <filesystem>

#include "relay/format/segment_name.h"
#include "tools/prune/keep.h"
#include "tools/prune/keep_find.h"

namespace sdr::prune {
namespace {

constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr size_t kSuffixBytes = 8;
constexpr std::string_view kSuffixLetters = "abcdefghijklmnopqrstuvwxyz234567";
constexpr int kDepthMax = 4;  // channel=C/rejected/date=D/file

// ".NAME.abcdefgh"
std::string temporary_name(const std::string& name) {
  uint8_t random[kSuffixBytes];
  if (getrandom(random, sizeof random, 0) != sizeof random)
    throw KeepError::system("unable to make up a name");
  std::string made = "." + name + ".";
  for (const uint8_t byte : random) made += kSuffixLetters[byte % kSuffixLetters.size()];
  return made;
}

bool is_temporary_name(std::string_view name) {
  if (name.size() < kSuffixBytes + 3 || name[0] != '.') return false;
  const size_t dot = name.size() - kSuffixBytes - 1;
  return name[dot] == '.' && is_channel_name(name.substr(1, dot - 1)) &&
         name.find_first_not_of(kSuffixLetters, dot + 1) == std::string_view::npos;
}

// Only what is on `device` and, where it is a directory, of our own making.
void remove_tree(int parent_fd, const std::string& name, dev_t device, int depth) {
  if (unlinkat(parent_fd, name.c_str(), 0) == 0 || (errno != EISDIR && errno != EPERM)) return;
  UniqueFd fd(openat(parent_fd, name.c_str(), kDirectoryFlags));
  struct stat status;
  if (!fd || fstat(fd.get(), &status) != 0 || status.st_dev != device ||
      status.st_uid != geteuid() || depth > kDepthMax)
    return;
  DIR* const dir = fdopendir(dup(fd.get()));
  if (!dir) return;
  std::vector<std::string> names;
  while (const dirent* entry = readdir(dir)) {
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
      names.push_back(entry->d_name);
  }
  closedir(dir);
  for (const std::string& inner : names) remove_tree(fd.get(), inner, device, depth + 1);
  unlinkat(parent_fd, name.c_str(), AT_REMOVEDIR);
}

// Who may read `like` may read it; writing is for its owner, us. A group that it cannot have gets
// nothing.
void make_like(int fd, const struct stat& like) {
  struct stat own;
  if (fstat(fd, &own) != 0) return;
  mode_t mode = S_ISDIR(own.st_mode) ? (like.st_mode & 0755) | 0700 : (like.st_mode & 0644) | 0600;
  if (own.st_gid != like.st_gid && fchown(fd, static_cast<uid_t>(-1), like.st_gid) != 0)
    mode &= ~mode_t{070};
  fchmod(fd, mode);
}

void sync_or_throw(int fd, const std::string& what) {
  if (fsync(fd) != 0) throw KeepError::system("unable to sync " + what);
}

}  // namespace

bool KeepPlace::exists(int storage_fd, const std::string& name) {
  const UniqueFd kept(openat(storage_fd, kKeptDirectory, kDirectoryFlags));
  struct stat status;
  return kept && fstatat(kept.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
}

KeepPlace::KeepPlace(int storage_fd, const std::string& storage, const std::string& name)
    : path_(storage + "/" + kKeptDirectory),
      name_(name),
      storage_fd_(openat(storage_fd, ".", kDirectoryFlags)) {
  struct stat status;
  const bool made = mkdirat(storage_fd, kKeptDirectory, 0700) == 0;
  if (!made && errno != EEXIST) throw KeepError::system("unable to make " + path_);
  kept_fd_.reset(openat(storage_fd, kKeptDirectory, kDirectoryFlags));
  if (!kept_fd_ || fstat(kept_fd_.get(), &status) != 0)
    throw KeepError::system("unable to open " + path_ + ", which must be a directory");
  device_ = status.st_dev;
  if (made && fstat(storage_fd, &status) == 0) make_like(kept_fd_.get(), status);
  tidy();
  while (!make_temporary()) {
  }
}

// False: somebody else who tidies has taken it for a leftover, as long as it was not locked.
bool KeepPlace::make_temporary() {
  temporary_ = temporary_name(name_);
  const char* const name = temporary_.c_str();
  if (mkdirat(kept_fd_.get(), name, 0700) != 0)
    throw KeepError::system("unable to make a directory in " + path_);
  fd_.reset(openat(kept_fd_.get(), name, kDirectoryFlags));
  struct stat own, now;
  if (fd_ && flock(fd_.get(), LOCK_EX | LOCK_NB) == 0 && fstat(fd_.get(), &own) == 0 &&
      fstatat(kept_fd_.get(), name, &now, AT_SYMLINK_NOFOLLOW) == 0)
    return own.st_ino == now.st_ino && own.st_dev == now.st_dev && own.st_uid == geteuid();
  if (errno == ENOENT || errno == EWOULDBLOCK) return false;
  throw KeepError::system("unable to open what was just made in " + path_);
}

KeepPlace::~KeepPlace() {
  if (!temporary_.empty()) remove_tree(kept_fd_.get(), temporary_, device_, 0);
}

void KeepPlace::tidy() const {
  std::vector<std::string> left;
  UniqueFd own(openat(kept_fd_.get(), ".", kDirectoryFlags));
  DIR* const dir = own ? fdopendir(own.get()) : nullptr;
  if (!dir) throw KeepError::system("unable to read " + path_);
  own.release();
  while (const dirent* entry = readdir(dir)) {
    if (is_temporary_name(entry->d_name)) left.push_back(entry->d_name);
  }
  closedir(dir);
  for (const std::string& name : left) {
    const UniqueFd fd(openat(kept_fd_.get(), name.c_str(), kDirectoryFlags));
    if (fd && flock(fd.get(), LOCK_EX | LOCK_NB) == 0)
      remove_tree(kept_fd_.get(), name, device_, 0);
  }
}

UniqueFd KeepPlace::directory(const std::string& path, const struct stat& like) {
  if (mkdirat(fd_.get(), path.c_str(), 0700) == 0)
    made_.push_back({path, like});
  else if (errno != EEXIST)
    throw KeepError::system("unable to make " + path_ + "/" + temporary_ + "/" + path);
  UniqueFd fd = open_below(fd_.get(), path);
  if (!fd) throw KeepError::system("unable to open " + path_ + "/" + temporary_ + "/" + path);
  return fd;
}

void KeepPlace::write_file(const std::string& path, std::string_view text,
                           const struct stat& like) {
  const std::string what = path_ + "/" + temporary_ + "/" + path;
  const UniqueFd fd(
      openat(fd_.get(), path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) throw KeepError::system("unable to make " + what);
  while (!text.empty()) {
    const ssize_t put = write(fd.get(), text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) throw KeepError::system("unable to write " + what);
    text.remove_prefix(static_cast<size_t>(put));
  }
  make_like(fd.get(), like);
  sync_or_throw(fd.get(), what);
}

void KeepPlace::publish(const struct stat& like) {
  const std::string what = path_ + "/" + temporary_;
  for (const Made& made : made_) {
    const UniqueFd fd = open_below(fd_.get(), made.path);
    if (!fd) throw KeepError::system("unable to open " + what + "/" + made.path);
    make_like(fd.get(), made.like);
    sync_or_throw(fd.get(), what + "/" + made.path);
  }
  make_like(fd_.get(), like);
  sync_or_throw(fd_.get(), what);
  const char* const from = temporary_.c_str();
  const char* const to = name_.c_str();
  int failed = renameat2(kept_fd_.get(), from, kept_fd_.get(), to, RENAME_NOREPLACE);
  // Where the file system does not know the flag, a plain rename replaces an empty directory only.
  if (failed != 0 && (errno == EINVAL || errno == ENOSYS))
    failed = exists(storage_fd_.get(), name_) ? (errno = EEXIST, -1)
                                              : renameat(kept_fd_.get(), from, kept_fd_.get(), to);
  if (failed != 0 && (errno == EEXIST || errno == ENOTEMPTY)) throw KeepError::taken(path_, name_);
  if (failed != 0) throw KeepError::system("unable to give " + what + " the name " + name_);
  temporary_.clear();
  sync_or_throw(kept_fd_.get(), path_);
  sync_or_throw(storage_fd_.get(), "the directory of " + path_);
}

}  // namespace sdr::prune
