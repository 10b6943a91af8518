#include "relay/synced_mark.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "relay/dir.h"
#include "relay/fd.h"

namespace sdr {
namespace {

constexpr char kPrefix[] = ".synced-";
constexpr size_t kNameBytes = sizeof kPrefix + 2 * kSyncBytes;

void put_name(const uint8_t sync[kSyncBytes], char name[kNameBytes]) {
  constexpr char kDigits[] = "0123456789abcdef";
  memcpy(name, kPrefix, sizeof kPrefix - 1);
  char* at = name + sizeof kPrefix - 1;
  for (size_t i = 0; i < kSyncBytes; ++i) {
    *at++ = kDigits[sync[i] >> 4];
    *at++ = kDigits[sync[i] & 15];
  }
  *at = '\0';
}

constexpr int kAlways = O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;

}  // namespace

bool holds_zero_sector(std::span<const uint8_t> bytes, uint64_t offset) {
  size_t at = static_cast<size_t>(-offset % kSectorBytes);
  for (; at + kSectorBytes <= bytes.size(); at += kSectorBytes) {
    size_t zeros = 0;
    while (zeros < kSectorBytes && bytes[at + zeros] == 0) ++zeros;
    if (zeros == kSectorBytes) return true;
  }
  return false;
}

Status write_synced_mark(int dir_fd, uint32_t mode, const uint8_t sync[kSyncBytes],
                         uint64_t synced_bytes) {
  char name[kNameBytes];
  put_name(sync, name);
  UniqueFd fd(openat(dir_fd, name, O_WRONLY | O_CREAT | kAlways, mode));
  if (!fd) return Error{"unable to open the mark of a sync", errno};
  ssize_t written;
  do {
    written = pwrite(fd.get(), &synced_bytes, sizeof synced_bytes, 0);
  } while (written < 0 && errno == EINTR);
  if (written != static_cast<ssize_t>(sizeof synced_bytes))
    return Error{"unable to write the mark of a sync", written < 0 ? errno : ENOSPC};
  if (fdatasync(fd.get()) < 0) return Error{"unable to sync the mark of a sync", errno};
  return {};
}

uint64_t read_synced_mark(int dir_fd, const uint8_t sync[kSyncBytes]) {
  char name[kNameBytes];
  put_name(sync, name);
  UniqueFd fd(openat(dir_fd, name, O_RDONLY | kAlways));
  uint64_t bytes;
  const bool read = fd && pread(fd.get(), &bytes, sizeof bytes, 0) == ssize_t{sizeof bytes};
  return read ? bytes : 0;
}

void remove_synced_mark(int dir_fd, const uint8_t sync[kSyncBytes]) {
  char name[kNameBytes];
  put_name(sync, name);
  (void)unlinkat(dir_fd, name, 0);
}

void remove_other_marks(int dir_fd, const uint8_t sync[kSyncBytes]) {
  char own[kNameBytes];
  put_name(sync, own);
  (void)for_each_name(dir_fd, [&](const char* name) {
    if (strncmp(name, kPrefix, sizeof kPrefix - 1) == 0 && strcmp(name, own) != 0)
      (void)unlinkat(dir_fd, name, 0);
  });
}

}  // namespace sdr
