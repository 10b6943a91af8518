#include "relay/index_mend.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

namespace sdr {
namespace {

constexpr size_t kReadBytes = 2048;  // more than the header, or a block of one row

std::span<const uint8_t> read_some(int fd, uint64_t at, uint8_t* buffer) {
  if (fd < 0) return {};
  const ssize_t got = pread(fd, buffer, kReadBytes, static_cast<off_t>(at));
  return {buffer, got > 0 ? static_cast<size_t>(got) : 0};
}

}  // namespace

Status IndexMend::begin(int dir_fd, const SegmentNaming& naming, int64_t start_us,
                        const uint8_t sync[kSyncBytes]) {
  stop();
  dir_ = dir_fd;
  naming_ = &naming;
  start_us_ = start_us;
  memcpy(sync_, sync, kSyncBytes);
  UniqueFd day;
  char name[kIndexNameBytesMax];
  Result<int> target = place_of_index(dir_fd, naming, start_us, &day, name);
  if (!target) return target.error();
  old_.reset(openat(*target, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  uint8_t buffer[kReadBytes];
  Result<OcfHeader> header = parse_ocf_header(read_some(old_.get(), 0, buffer));
  if (header && memcmp(header->sync, sync, kSyncBytes) == 0) {
    at_ = header->size;
  } else {
    old_.reset();
  }
  merge_.begin(next_row, this);
  return new_.create(dir_fd, kMendingIndex, naming, start_us, sync);
}

// What is damaged ends it: a row that cannot be read is one that is not there.
bool IndexMend::next_row(void* mend, IndexRow* row) {
  IndexMend& self = *static_cast<IndexMend*>(mend);
  uint8_t buffer[kReadBytes];
  OcfBlock block;
  if (parse_ocf_block(read_some(self.old_.get(), self.at_, buffer), self.sync_, &block) !=
      BlockStatus::kOk)
    return false;
  self.at_ += block.size;
  const uint8_t* at = block.data.data();
  return take_index_row(&at, at + block.data.size(), row);
}

Status IndexMend::finish(uint64_t end) {
  if (Status s = new_.append(merge_.finish(end)); !s) return s;
  if (Status s = new_.finish(); !s) return s;
  old_.reset();
  UniqueFd day;
  char name[kIndexNameBytesMax];
  Result<int> target = place_of_index(dir_, *naming_, start_us_, &day, name);
  if (!target) return target.error();
  if (renameat(dir_, kMendingIndex, *target, name) < 0)
    return Error{"unable to put the mended index in place", errno};
  return {};
}

void IndexMend::stop() {
  old_.reset();
  new_.drop();
  if (dir_ >= 0) (void)unlinkat(dir_, kMendingIndex, 0);
  dir_ = -1;
}

}  // namespace sdr
