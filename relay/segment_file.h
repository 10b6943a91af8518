// The open segment as a file: bytes are gathered in an aligned buffer and written with O_DIRECT.
//
// O_DIRECT takes whole, aligned pages only, and a reader must never see padding (recorded files
// hold not one byte that is not theirs). So whole pages go through the direct descriptor; the
// partial last page goes through a second, buffered one, at its exact length, and is carried: the
// next write begins with it again. The file's length is thus always the true one, and ftruncate,
// which throws a preallocation away, is left to seal and repair.
//
// Where O_DIRECT is refused (some network and stacked filesystems) whole pages are written through
// the page cache, with O_DSYNC.
//
// When fdatasync fails, the kernel forgets what it could not write: the pages count as clean, the
// next fdatasync succeeds, and what the disk holds is anybody's guess. So nothing rests on a second
// fdatasync. Whole pages never wait for one: with O_DIRECT or O_DSYNC the write itself fails,
// before what it holds is published, and is done again from the ring. What is left is the partial
// last page, and that one is carried in memory: resume() writes it again.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <span>

#include "relay/fd.h"
#include "relay/format/result.h"

namespace sdr {

constexpr size_t kPageBytes = 4096;  // O_DIRECT alignment that every disk we know takes

class SegmentFile {
 public:
  // `buffer` is page-aligned and holds `buffer_bytes`; it is owned by the caller.
  SegmentFile(uint8_t* buffer, size_t buffer_bytes)
      : buffer_(buffer), buffer_bytes_(buffer_bytes) {}

  // Makes `name` (EEXIST is an error) or opens it and cuts it to `file_bytes`.
  Status create(int dir_fd, const char* name, uint32_t mode);
  Status resume(int dir_fd, const char* name, uint64_t file_bytes);

  // The buffer, for other uses while no file is open; what was dropped is forgotten.
  std::span<uint8_t> scratch() {
    forget();
    return {buffer_, buffer_bytes_};
  }

  bool is_open() const { return static_cast<bool>(direct_); }
  bool is_direct() const { return is_direct_; }
  uint64_t file_bytes() const { return file_bytes_; }

  // Whether the file with this `status` is the one that was dropped last, `file_bytes` long: then
  // resume() has its last page, whatever the disk holds of it.
  bool remembers(const struct stat& status, uint64_t file_bytes) const {
    return status.st_dev == device_ && status.st_ino == inode_ && file_bytes == dropped_bytes_ &&
           static_cast<uint64_t>(status.st_size) >= file_bytes;
  }

  void forget() { dropped_bytes_ = kNoBytes; }

  // Where the next bytes go, and how many fit. What is put there counts once append() names it.
  uint8_t* tail() { return buffer_ + held_; }
  uint64_t tail_offset() const { return file_bytes_ / kPageBytes * kPageBytes + held_; }
  size_t room() const { return buffer_bytes_ - held_; }
  void append(size_t bytes) { held_ += bytes; }

  // Writes what is held; on success file_bytes() covers it. After an error, here or in sync() or
  // finish(), the file is to be dropped and resumed.
  Status write();
  Status sync();
  // Gives the preallocation back, syncs and closes.
  Status finish();
  void drop();

  // Preallocates ahead of writes, in growing steps; 0 (the default) does not.
  void preallocate(uint64_t step_bytes_max) { step_bytes_max_ = step_bytes_max; }

 private:
  static constexpr uint64_t kNoBytes = ~0ull;

  Status open_both(int dir_fd, const char* name, int flags, uint32_t mode, struct stat* status);
  void close_both();
  void reserve(uint64_t until);

  uint8_t* buffer_;
  size_t buffer_bytes_;
  size_t held_ = 0;  // bytes in the buffer, the carried partial page included
  // Bytes in the file; file_bytes_ % kPageBytes of them are carried in the buffer.
  uint64_t file_bytes_ = 0;
  // The file whose last page is still in the buffer after drop(), and its length then.
  dev_t device_ = 0;
  ino_t inode_ = 0;
  uint64_t dropped_bytes_ = 0;
  UniqueFd direct_;
  UniqueFd buffered_;
  bool is_direct_ = false;
  uint64_t reserved_ = 0;
  uint64_t step_bytes_ = 0;
  uint64_t step_bytes_max_ = 0;
};

}  // namespace sdr
