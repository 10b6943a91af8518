// Writes what is sound of a damaged file anew, and keeps the file as it was beside it.
//
// The new file is made under another name, synced, and then takes the old one's place by a rename,
// before which the old one got a second name: FILE.damaged, or FILE.damaged.2 and so on where that
// is taken. So at any moment FILE is either as it was or mended, and whoever is stopped in between
// may begin again.
#pragma once

#include <string>

#include "relay/fd.h"
#include "tools/cat/index_mender.h"
#include "tools/recording/segment_reader.h"

namespace sdr::cat {
using namespace recording;

class Mender {
 public:
  enum class Taken : uint8_t { kYes, kInUse, kFailed };
  // Opens `path` and locks it against others that mend. kInUse: a relay is at work in that
  // directory and this is one of its unfinished files. *why says what is wrong, *sys_errno is 0
  // where no system call failed.
  Taken take(const std::string& path, std::string* why, int* sys_errno);

  // The file from its start, for a reader of its own.
  UniqueFd reader_fd() const;

  // Copies the header and the blocks that `reader`, which has read the header, finds, and the rows
  // of the index that are theirs. Returns where the damaged file is kept, or an empty string with
  // *why and *sys_errno.
  std::string mend(SegmentReader* reader, IndexMender* index, std::string* why, int* sys_errno);

 private:
  bool write_new(SegmentReader* reader, IndexMender* index, int fd, std::string* why);
  bool keep_old(std::string* kept, std::string* why);

  std::string directory_;
  std::string name_;
  UniqueFd directory_fd_;
  UniqueFd relay_lock_;
  UniqueFd fd_;
};

}  // namespace sdr::cat
