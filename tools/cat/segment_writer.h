// Writes a segment and its index as a relay would have, of datums that come with their receive
// times.
//
// Both are written under names that nothing takes for a recording, synced, and get their own names
// when they are whole: the index first, for a name that ends in ".avro" is complete, always. A name
// that is taken stays whose it is. What a kill leaves behind is used again by the next try.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>

#include "relay/fd.h"
#include "relay/format/ocf.h"

namespace sdr::cat {

// What went wrong, in one line, and the exit code for it.
struct WriteError : std::runtime_error {
  WriteError(const std::string& what, int code) : std::runtime_error(what), exit_code(code) {}
  // With what errno says behind it.
  static WriteError system(const std::string& what);
  int exit_code;
};

struct SegmentOrigin {
  std::string schema;                         // its text
  std::string channel, host, boot_id, clock;  // metadata, each left out where it is empty
  std::string recovered;
  struct stat like = {};  // whose owner and mode the new files get
};

class SegmentWriter {
 public:
  // `path` ends in ".avro"; its directory is there. Throws WriteError, as all of these do.
  SegmentWriter(const std::string& path, const SegmentOrigin& origin, int64_t start_us);
  // Without publish() nothing remains.
  ~SegmentWriter() = default;
  SegmentWriter(const SegmentWriter&) = delete;
  SegmentWriter& operator=(const SegmentWriter&) = delete;

  // Receive times do not descend.
  void add(std::span<const uint8_t> datum, int64_t time_us);
  void finish();   // all is on the disk
  void publish();  // … under its name

  const std::string& path() const { return path_; }
  int64_t datums() const { return datums_; }
  int64_t first_time_us() const { return start_us_; }
  int64_t last_time_us() const { return block_last_us_; }

 private:
  struct File {
    ~File();
    int dir_fd = -1;
    std::string name;
    std::string temporary;
    UniqueFd fd;
    uint64_t bytes = 0;
  };
  void open_file(File* file);
  void append(File* file, std::span<const uint8_t> bytes);
  void end_block();
  void sync_file(File* file);
  void name_file(const File& file);

  const std::string path_;
  const SegmentOrigin& origin_;
  const int64_t start_us_;
  std::string directory_;
  UniqueFd directory_fd_;
  File segment_;
  File index_;
  uint8_t sync_[kSyncBytes];
  std::string block_;  // the datums of the one that is being gathered
  int64_t block_datums_ = 0;
  int64_t block_first_us_ = 0;
  int64_t block_last_us_ = 0;
  int64_t datums_ = 0;
};

}  // namespace sdr::cat
