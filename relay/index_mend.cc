#include "relay/index_mend.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

namespace sdr {
namespace {

constexpr size_t kReadBytes = 2048;  // more than the header, or a block of one row

void sum(const Losses& losses, Losses* total) {
  uint64_t one[kLossCount];
  uint64_t all[kLossCount];
  memcpy(one, &losses, sizeof one);
  memcpy(all, total, sizeof all);
  for (size_t i = 0; i < kLossCount; ++i) all[i] += one[i];
  memcpy(total, all, sizeof all);
}

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
  Result<int> target = directory_of(dir_fd, naming, start_us, &day);
  if (!target) return target.error();
  char name[kIndexNameBytesMax];
  put_index_name(naming.channel, start_us, name);
  old_.reset(openat(*target, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  carried_ = {};
  at_ = 0;
  uint8_t buffer[kReadBytes];
  Result<OcfHeader> header = parse_ocf_header(read_some(old_.get(), 0, buffer));
  has_row_ = header && memcmp(header->sync, sync, kSyncBytes) == 0;
  if (has_row_) {
    at_ = header->size;
    read_row();
  }
  return new_.create(dir_fd, kMendingIndex, naming, start_us, sync);
}

// What is damaged ends it: a row that cannot be read is one that is not there.
void IndexMend::read_row() {
  uint8_t buffer[kReadBytes];
  OcfBlock block;
  has_row_ = parse_ocf_block(read_some(old_.get(), at_, buffer), sync_, &block) == BlockStatus::kOk;
  if (!has_row_) return;
  const uint8_t* at = block.data.data();
  has_row_ = take_index_row(&at, at + block.data.size(), &row_);
  at_ += block.size;
}

Status IndexMend::keep(uint64_t from, uint64_t to, uint64_t datums) {
  for (; has_row_ && (row_.offset < from || row_.datums == 0); read_row())
    sum(row_.losses, &carried_);
  IndexRow row = {to, datums, false, 0, 0, {}};
  if (has_row_ && row_.offset == from && row_.datums == datums) {
    row = row_;
    row.offset = to;
    read_row();
  }
  sum(carried_, &row.losses);
  carried_ = {};
  return new_.append(row);
}

Status IndexMend::finish(uint64_t end) {
  for (; has_row_; read_row()) sum(row_.losses, &carried_);
  if (Status s = new_.append({end, 0, false, 0, 0, carried_}); !s) return s;
  if (Status s = new_.finish(); !s) return s;
  old_.reset();
  UniqueFd day;
  Result<int> target = directory_of(dir_, *naming_, start_us_, &day);
  if (!target) return target.error();
  char name[kIndexNameBytesMax];
  put_index_name(naming_->channel, start_us_, name);
  if (renameat(dir_, kMendingIndex, *target, name) < 0)
    return Error{"unable to put the mended index in place", errno};
  return {};
}

void IndexMend::stop() {
  old_.reset();
  new_.drop();
  has_row_ = false;
  if (dir_ >= 0) (void)unlinkat(dir_, kMendingIndex, 0);
  dir_ = -1;
}

}  // namespace sdr
