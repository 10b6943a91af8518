#include "relay/index_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sdr {
namespace {

constexpr size_t kHeaderBytesMax = 2048;

Status write_at(int fd, const uint8_t* data, size_t size, uint64_t offset) {
  while (size > 0) {
    const ssize_t put = pwrite(fd, data, size, static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return Error{"unable to write the index", put < 0 ? errno : EIO};
    data += put;
    offset += static_cast<uint64_t>(put);
    size -= static_cast<size_t>(put);
  }
  return {};
}

}  // namespace

Status IndexFile::open(int dir_fd, const SegmentNaming& naming, int64_t start_us,
                       const uint8_t sync[kSyncBytes], uint64_t index_bytes) {
  UniqueFd day;
  char name[kIndexNameBytesMax];
  Result<int> target = place_of_index(dir_fd, naming, start_us, &day, name);
  if (!target) return target.error();
  Status s = open_as(*target, name, naming, start_us, sync, index_bytes);
  if (!s) drop();
  dir_ = std::move(day);
  return s;
}

Status IndexFile::create(int dir_fd, const char* name, const SegmentNaming& naming,
                         int64_t start_us, const uint8_t sync[kSyncBytes]) {
  return open_as(dir_fd, name, naming, start_us, sync, 0);
}

Status IndexFile::open_as(int dir_fd, const char* name, const SegmentNaming& naming,
                          int64_t start_us, const uint8_t sync[kSyncBytes], uint64_t index_bytes) {
  fd_.reset(openat(dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, naming.mode));
  if (!fd_) return Error{"unable to open the index", errno};
  struct stat status;
  if (fstat(fd_.get(), &status) < 0) return Error{"unable to stat the index", errno};
  memcpy(sync_, sync, kSyncBytes);
  bytes_ = index_bytes;
  tells_loss_ = is_named_ = false;
  if (bytes_ > 0 && (static_cast<uint64_t>(status.st_size) < bytes_ || !is_ours())) bytes_ = 0;
  if (ftruncate(fd_.get(), static_cast<off_t>(bytes_)) < 0)
    return Error{"unable to cut the index", errno};
  if (bytes_ > 0) return {};
  if (fchmod(fd_.get(), naming.mode) < 0)
    return Error{"unable to set the mode of the index", errno};
  uint8_t header[kHeaderBytesMax];
  char started[kIsoTimeBytes + 1];
  const size_t started_bytes = put_iso_time(start_us, started);
  const MetadataPair pairs[] = {{"avro.schema", kIndexSchema},
                                {"avro.codec", "null"},
                                {"sdr.channel", naming.channel},
                                {"sdr.started", {started, started_bytes}}};
  const size_t size = put_ocf_header({}, pairs, sync, header);
  if (Status s = write_at(fd_.get(), header, size, 0); !s) return s;
  bytes_ = size;
  return {};
}

bool IndexFile::is_ours() const {
  uint8_t header[kHeaderBytesMax];
  const ssize_t got = pread(fd_.get(), header, sizeof header, 0);
  Result<OcfHeader> parsed = parse_ocf_header({header, got > 0 ? static_cast<size_t>(got) : 0});
  return parsed && memcmp(parsed->sync, sync_, kSyncBytes) == 0;
}

Status IndexFile::append(const IndexRow& row) {
  uint8_t block[kIndexBlockBytesMax];
  const size_t size = put_index_block(row, sync_, block);
  if (Status s = write_at(fd_.get(), block, size, bytes_); !s) return s;
  bytes_ += size;
  tells_loss_ = tells_loss_ || !is_none(row.losses);
  return {};
}

Status IndexFile::sync() {
  if (!fd_ || !tells_loss_) return {};
  if (fdatasync(fd_.get()) < 0) return Error{"unable to sync the index", errno};
  if (!is_named_) {
    const UniqueFd above(openat(dir_.get(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fsync(dir_.get()) < 0 || !above || fsync(above.get()) < 0)
      return Error{"unable to sync the directory", errno};
  }
  is_named_ = true;
  tells_loss_ = false;
  return {};
}

Status IndexFile::finish() {
  if (!fd_) return {};
  if (fdatasync(fd_.get()) < 0) return Error{"unable to sync the index", errno};
  drop();
  return {};
}

}  // namespace sdr
