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

bool read_all(int fd, uint8_t* out, size_t bytes, uint64_t at) {
  while (bytes > 0) {
    const ssize_t got = pread(fd, out, bytes, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) errno = EIO;
    if (got <= 0) return false;
    out += got;
    bytes -= static_cast<size_t>(got);
    at += static_cast<uint64_t>(got);
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

Status SegmentFile::open_both(int dir_fd, const char* name, int flags, uint32_t mode,
                              struct stat* status) {
  drop();
  constexpr int kAlways = O_CLOEXEC | O_NOFOLLOW | O_NOCTTY;
  direct_.reset(openat(dir_fd, name, O_WRONLY | O_DIRECT | flags | kAlways, mode));
  is_direct_ = static_cast<bool>(direct_);
  if (!direct_ && errno == EINVAL) {
    // Some kernels have made the file before they refuse O_DIRECT.
    if (flags & O_EXCL) unlinkat(dir_fd, name, 0);
    direct_.reset(openat(dir_fd, name, O_WRONLY | O_DSYNC | flags | kAlways, mode));
  }
  if (!direct_) return Error{"unable to open the segment", errno};
  buffered_.reset(openat(dir_fd, name, O_RDWR | kAlways));
  if (!buffered_) {
    const int failed = errno;
    direct_.reset();
    return Error{"unable to open the segment", failed};
  }
  if (fstat(buffered_.get(), status) < 0 || !S_ISREG(status->st_mode)) {
    close_both();
    return Error{"the open segment is not a regular file", 0};
  }
  return {};
}

void SegmentFile::close_both() {
  direct_.reset();
  buffered_.reset();
}

Status SegmentFile::create(int dir_fd, const char* name, uint32_t mode) {
  struct stat status;
  if (Status s = open_both(dir_fd, name, O_CREAT | O_EXCL, mode, &status); !s) return s;
  device_ = status.st_dev;
  inode_ = status.st_ino;
  (void)fchmod(buffered_.get(), mode);  // whatever the umask says
  return {};
}

// Writes the last page again: from memory where it may never have reached the disk.
Status SegmentFile::resume(int dir_fd, const char* name, uint64_t file_bytes) {
  struct stat status;
  if (Status s = open_both(dir_fd, name, 0, 0, &status); !s) return s;
  const size_t carried = file_bytes % kPageBytes;
  const bool in_memory = remembers(status, file_bytes);
  const char* wrong = nullptr;
  errno = 0;
  if (static_cast<uint64_t>(status.st_size) < file_bytes) {
    wrong = "the open segment is shorter than it was";
  } else if (!cut(buffered_.get(), file_bytes) || !sync()) {
    // Synced, or a power cut could bring bytes from behind the cut back into what is written next.
    wrong = "unable to cut the segment";
  } else if (!in_memory) {
    dropped_bytes_ = kNoBytes;
    if (!read_all(buffered_.get(), buffer_, carried, file_bytes - carried))
      wrong = "unable to read the segment";
  }
  if (!wrong && !write_all(buffered_.get(), buffer_, carried, file_bytes - carried))
    wrong = "unable to write the segment";
  if (wrong) {
    const int failed = errno;
    close_both();  // no drop(): what is carried stays as it was
    return Error{wrong, failed};
  }
  device_ = status.st_dev;
  inode_ = status.st_ino;
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
  if (is_open()) dropped_bytes_ = file_bytes_;
  close_both();
  held_ = 0;
  file_bytes_ = 0;
  reserved_ = 0;
  step_bytes_ = 0;
}

}  // namespace sdr
