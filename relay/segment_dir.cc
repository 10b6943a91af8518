#include "relay/segment_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relay/dir.h"
#include "relay/fd.h"

namespace sdr {
namespace {

constexpr int kNameTries = 1000;

bool same_file(int dir_a, const char* a, int dir_b, const char* b) {
  struct stat x;
  struct stat y;
  return fstatat(dir_a, a, &x, AT_SYMLINK_NOFOLLOW) == 0 &&
         fstatat(dir_b, b, &y, AT_SYMLINK_NOFOLLOW) == 0 && x.st_dev == y.st_dev &&
         x.st_ino == y.st_ino;
}

int64_t parse_torn_name(std::string_view name) {
  if (!name.starts_with(kTornPrefix)) return -1;
  return parse_stamp({name.data() + sizeof kTornPrefix - 1, name.size() - sizeof kTornPrefix + 1});
}

// The newest name of a segment in this one directory.
int64_t newest_within(int dir_fd, const SegmentNaming& naming, int64_t until_us) {
  int64_t newest = -1;
  (void)for_each_name(dir_fd, [&](const char* name) {
    int64_t start = parse_segment_name(naming.channel, name);
    if (start < 0) start = parse_torn_name(name);
    if (start > newest && start <= until_us) newest = start;
  });
  return newest;
}

}  // namespace

Result<int> directory_of(int dir_fd, const SegmentNaming& naming, int64_t start_us, UniqueFd* day) {
  if (!naming.dated) return dir_fd;
  char date[kDateDirBytes + 1];
  put_date_dir(start_us, date);
  Result<UniqueFd> made = open_or_make_dir(dir_fd, date, dir_mode(naming.mode));
  if (!made) return made.error();
  *day = std::move(*made);
  return day->get();
}

Result<int> place_of_index(int dir_fd, const SegmentNaming& naming, int64_t start_us, UniqueFd* day,
                           char name[kIndexNameBytesMax]) {
  put_index_name(naming.channel, start_us, name);
  return directory_of(dir_fd, naming, start_us, day);
}

int64_t newest_start(int dir_fd, const SegmentNaming& naming, int64_t until_us) {
  int64_t newest = newest_within(dir_fd, naming, until_us);
  if (!naming.dated) return newest;
  // Day by day backwards: the newest may be empty, or hold only names of later that day.
  for (int64_t before = until_us; before >= 0;) {
    int64_t day = -1;
    (void)for_each_name(dir_fd, [&](const char* name) {
      const int64_t start = parse_date_dir(name);
      if (start > day && start <= before) day = start;
    });
    if (day < 0) break;
    char name[kDateDirBytes + 1];
    put_date_dir(day, name);
    const UniqueFd fd(openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const int64_t found = fd ? newest_within(fd.get(), naming, until_us) : -1;
    if (found >= 0) return found > newest ? found : newest;
    before = day - 1;
  }
  return newest;
}

int64_t find_torn(int dir_fd, char found[kAsideNameBytesMax]) {
  int64_t oldest = -1;
  (void)for_each_name(dir_fd, [&](const char* name) {
    const int64_t start = parse_torn_name(name);
    if (start < 0 || (oldest >= 0 && start >= oldest)) return;
    oldest = start;
    memcpy(found, name, strlen(name) + 1);
  });
  return oldest;
}

int64_t final_start(int dir_fd, const SegmentNaming& naming, const char* name, int64_t start_us) {
  struct stat status;
  if (fstatat(dir_fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0 || status.st_nlink < 2) return -1;
  // Other people make hard links too, for backups say: only our names count.
  for (int tries = 0; tries < kNameTries; ++tries, ++start_us) {
    char path[kDateDirBytes + 1 + kSegmentNameBytesMax];
    char* at = path;
    if (naming.dated) {
      at += put_date_dir(start_us, path);
      *at++ = '/';
    }
    put_segment_name(naming.channel, start_us, at);
    if (same_file(dir_fd, name, dir_fd, path)) return start_us;
  }
  return -1;
}

Status seal_name(int dir_fd, const SegmentNaming& naming, const char* name, int64_t* start_us) {
  for (int tries = 0; tries < kNameTries; ++tries, ++*start_us) {
    UniqueFd day;
    Result<int> target = directory_of(dir_fd, naming, *start_us, &day);
    if (!target) return target.error();
    char sealed[kSegmentNameBytesMax];
    put_segment_name(naming.channel, *start_us, sealed);
    const int failed = linkat(dir_fd, name, *target, sealed, 0) == 0 ? 0 : errno;
    if (failed == 0 || failed == EEXIST) {
      // It may have got its name before a kill or a power cut; then that is not synced either.
      if (failed == EEXIST && !same_file(dir_fd, name, *target, sealed)) continue;
      if (fsync(*target) < 0) return Error{"unable to sync the directory", errno};
      if (unlinkat(dir_fd, name, 0) < 0) return Error{"unable to unlink the segment", errno};
    } else if (failed == EPERM || failed == EOPNOTSUPP) {
      // No hard links here (exFAT). Only we make names in this directory, so looking first is safe.
      if (is_there(*target, sealed)) continue;
      if (renameat(dir_fd, name, *target, sealed) < 0)
        return Error{"unable to seal the segment", errno};
      if (fsync(*target) < 0) return Error{"unable to sync the directory", errno};
    } else {
      return Error{"unable to seal the segment", failed};
    }
    if (fsync(dir_fd) < 0) return Error{"unable to sync the directory", errno};
    return {};
  }
  return Error{"no free name for the segment", EEXIST};
}

Status set_aside(int dir_fd, const char* name, const char* prefix, int64_t time_us,
                 char aside[kAsideNameBytesMax]) {
  const size_t at = strlen(prefix);
  memcpy(aside, prefix, at);
  do {
    put_stamp(time_us++, aside + at);
  } while (is_there(dir_fd, aside));
  if (renameat(dir_fd, name, dir_fd, aside) < 0)
    return Error{"unable to set what is in the way aside", errno};
  return {};
}

}  // namespace sdr
