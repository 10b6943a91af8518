#include "relay/segment_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef FALLOC_FL_KEEP_SIZE
#define FALLOC_FL_KEEP_SIZE 1
#endif

namespace sdr {
namespace {

constexpr uint64_t kFirstStepBytes = 256 << 10;

// pwrite until all is written; short writes and EINTR are nothing special.
bool write_all(int fd, const uint8_t* data, size_t bytes, uint64_t at) {
  while (bytes > 0) {
    const ssize_t written = pwrite(fd, data, bytes, static_cast<off_t>(at));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      if (written == 0) errno = ENOSPC;
      return false;
    }
    data += written;
    bytes -= static_cast<size_t>(written);
    at += static_cast<uint64_t>(written);
  }
  return true;
}

bool cut(int fd, uint64_t bytes) {
  int result;
  do {
    result = ftruncate(fd, static_cast<off_t>(bytes));
  } while (result < 0 && errno == EINTR);
  return result == 0;
}

}  // namespace

Status SegmentFile::open_both(int dir_fd, const char* name, int flags, uint32_t mode) {
  drop();
  constexpr int kAlways = O_CLOEXEC | O_NOFOLLOW | O_NOCTTY;
  direct_.reset(openat(dir_fd, name, O_WRONLY | O_DIRECT | flags | kAlways, mode));
  is_direct_ = static_cast<bool>(direct_);
  if (!direct_ && errno == EINVAL) {
    // Some kernels have made the file before they refuse O_DIRECT.
    if (flags & O_EXCL) unlinkat(dir_fd, name, 0);
    direct_.reset(openat(dir_fd, name, O_WRONLY | flags | kAlways, mode));
  }
  if (!direct_) return Error{"unable to open the segment", errno};
  buffered_.reset(openat(dir_fd, name, O_RDWR | kAlways));
  if (!buffered_) {
    const int failed = errno;
    direct_.reset();
    return Error{"unable to open the segment", failed};
  }
  struct stat status;
  if (fstat(buffered_.get(), &status) < 0 || !S_ISREG(status.st_mode)) {
    drop();
    return Error{"the open segment is not a regular file", 0};
  }
  return {};
}

Status SegmentFile::create(int dir_fd, const char* name, uint32_t mode) {
  if (Status s = open_both(dir_fd, name, O_CREAT | O_EXCL, mode); !s) return s;
  (void)fchmod(buffered_.get(), mode);  // whatever the umask says
  return {};
}

Status SegmentFile::resume(int dir_fd, const char* name, uint64_t file_bytes) {
  if (Status s = open_both(dir_fd, name, 0, 0); !s) return s;
  struct stat status;
  if (fstat(buffered_.get(), &status) < 0) return Error{"unable to stat the segment", errno};
  if (static_cast<uint64_t>(status.st_size) < file_bytes) {
    drop();
    return Error{"the open segment is shorter than it was", 0};
  }
  if (!cut(buffered_.get(), file_bytes)) {
    const int failed = errno;
    drop();
    return Error{"unable to cut the segment", failed};
  }
  const size_t carried = file_bytes % kPageBytes;
  size_t got = 0;
  while (got < carried) {
    const ssize_t n = pread(buffered_.get(), buffer_ + got, carried - got,
                            static_cast<off_t>(file_bytes - carried + got));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const int failed = n < 0 ? errno : EIO;
      drop();
      return Error{"unable to read the segment", failed};
    }
    got += static_cast<size_t>(n);
  }
  held_ = carried;
  file_bytes_ = file_bytes;
  return {};
}

void SegmentFile::reserve(uint64_t until) {
  if (step_bytes_max_ == 0 || until <= reserved_) return;
  step_bytes_ = step_bytes_ == 0 ? kFirstStepBytes : step_bytes_ * 2;
  if (step_bytes_ > step_bytes_max_) step_bytes_ = step_bytes_max_;
  const uint64_t from = file_bytes_ / kPageBytes * kPageBytes;
  const uint64_t bytes = until - from + step_bytes_;
  // Only a help against fragments: where it cannot be had, the write itself will say what is wrong.
  if (fallocate(direct_.get(), FALLOC_FL_KEEP_SIZE, static_cast<off_t>(from),
                static_cast<off_t>(bytes)) < 0)
    step_bytes_max_ = 0;
  reserved_ = from + bytes;
}

Status SegmentFile::write() {
  const uint64_t base = file_bytes_ / kPageBytes * kPageBytes;
  const uint64_t new_bytes = base + held_;
  if (new_bytes == file_bytes_) return {};
  reserve(new_bytes);
  const size_t whole = held_ / kPageBytes * kPageBytes;
  if (whole > 0 && !write_all(direct_.get(), buffer_, whole, base))
    return Error{"unable to write the segment", errno};
  const uint64_t from = base + whole > file_bytes_ ? base + whole : file_bytes_;
  if (new_bytes > from && !write_all(buffered_.get(), buffer_ + (from - base),
                                     static_cast<size_t>(new_bytes - from), from))
    return Error{"unable to write the segment", errno};
  held_ -= whole;
  memmove(buffer_, buffer_ + whole, held_);
  file_bytes_ = new_bytes;
  return {};
}

Status SegmentFile::sync() {
  int result;
  do {
    result = fdatasync(buffered_.get());
  } while (result < 0 && errno == EINTR);
  if (result < 0) return Error{"unable to sync the segment", errno};
  return {};
}

Status SegmentFile::finish() {
  if (reserved_ > 0 && !cut(buffered_.get(), file_bytes_))
    return Error{"unable to cut the segment", errno};
  if (Status s = sync(); !s) return s;
  drop();
  return {};
}

void SegmentFile::drop() {
  direct_.reset();
  buffered_.reset();
  held_ = 0;
  file_bytes_ = 0;
  reserved_ = 0;
  step_bytes_ = 0;
}

}  // namespace sdr
