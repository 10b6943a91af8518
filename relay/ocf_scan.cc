#include "relay/ocf_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relay/fd.h"
#include "relay/format/segment_name.h"
#include "relay/format/varint.h"

namespace sdr {
namespace {

constexpr size_t kHeaderBytesMax = (1 << 20) + 4096;
uint8_t header_bytes[kHeaderBytesMax];

// As many bytes at `at` as there are, up to `bytes`; negative on error.
ssize_t read_at(int fd, uint8_t* out, size_t bytes, uint64_t at) {
  size_t got = 0;
  while (got < bytes) {
    const ssize_t n = pread(fd, out + got, bytes - got, static_cast<off_t>(at + got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    if (n == 0) break;
    got += static_cast<size_t>(n);
  }
  return static_cast<ssize_t>(got);
}

Result<OcfHeader> read_header(int fd) {
  // Most headers are small; only a large one costs a second read.
  for (size_t bytes : {size_t{16384}, kHeaderBytesMax}) {
    const ssize_t got = read_at(fd, header_bytes, bytes, 0);
    if (got < 0) return Error{"unable to read the segment", errno};
    Result<OcfHeader> header = parse_ocf_header({header_bytes, static_cast<size_t>(got)});
    if (header || static_cast<size_t>(got) < bytes) return header;
  }
  return Error{"header exceeds 1 MiB", 0};
}

// The size of the block at `at`, or 0 where it is not whole and good.
uint64_t block_size(int fd, uint64_t at, const uint8_t* sync) {
  uint8_t head[kBlockHeadBytesMax];
  const ssize_t got = read_at(fd, head, sizeof head, at);
  if (got <= 0) return 0;
  const uint8_t* p = head;
  const uint8_t* const end = head + got;
  int64_t datums;
  int64_t bytes;
  if (get_varint(&p, end, &datums) != VarintStatus::kOk || datums <= 0) return 0;
  if (get_varint(&p, end, &bytes) != VarintStatus::kOk || bytes < 0 || bytes > kBlockBytesMax)
    return 0;
  const uint64_t data_end = at + static_cast<uint64_t>(p - head) + static_cast<uint64_t>(bytes);
  uint8_t marker[kSyncBytes];
  if (read_at(fd, marker, kSyncBytes, data_end) != static_cast<ssize_t>(kSyncBytes)) return 0;
  return memcmp(marker, sync, kSyncBytes) == 0 ? data_end + kSyncBytes - at : 0;
}

}  // namespace

Status scan_segment(int dir_fd, const char* name, ScanResult* result) {
  UniqueFd fd(openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat status;
  if (!fd || fstat(fd.get(), &status) < 0) return Error{"unable to open the segment", errno};
  *result = {};
  if (!S_ISREG(status.st_mode)) return {};
  result->file_bytes = static_cast<uint64_t>(status.st_size);
  Result<OcfHeader> header = read_header(fd.get());
  if (!header) {
    if (header.error().sys_errno != 0) return header.error();
    // Cut inside its header, or empty: ours as far as it goes, and nothing in it.
    result->is_ours = memcmp(header_bytes, kOcfMagic, sizeof kOcfMagic) == 0 || status.st_size == 0;
    return {};
  }
  const std::span<const uint8_t> bytes(header_bytes, header->size);
  result->is_ours = ocf_metadata(bytes, "sdr.channel").data() != nullptr;
  const std::span<const uint8_t> started = ocf_metadata(bytes, "sdr.started");
  result->start_us =
      parse_iso_time({reinterpret_cast<const char*>(started.data()), started.size()});
  result->good_bytes = header->size;
  while (const uint64_t size = block_size(fd.get(), result->good_bytes, header->sync)) {
    result->good_bytes += size;
    ++result->blocks;
  }
  return {};
}

bool read_sync_marker(int dir_fd, const char* name, uint8_t sync[kSyncBytes]) {
  UniqueFd fd(openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd) return false;
  Result<OcfHeader> header = read_header(fd.get());
  if (!header) return false;
  memcpy(sync, header->sync, kSyncBytes);
  return true;
}

bool block_ends_at(int dir_fd, const char* name, uint64_t end, const uint8_t sync[kSyncBytes]) {
  UniqueFd fd(openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  uint8_t found[kSyncBytes];
  return fd && end >= kSyncBytes && end <= INT64_MAX &&
         read_at(fd.get(), found, kSyncBytes, end - kSyncBytes) == ssize_t{kSyncBytes} &&
         memcmp(found, sync, kSyncBytes) == 0;
}

}  // namespace sdr
