#include "tools/cat/index_mender.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <filesystem>

#include "tools/cat/ledger.h"

namespace sdr::cat {
namespace {

namespace fs = std::filesystem;

bool write_all(int fd, const std::string& text) {
  for (size_t done = 0; done < text.size();) {
    const ssize_t put = write(fd, text.data() + done, text.size() - done);
    if (put < 0 && errno != EINTR) return false;
    if (put > 0) done += static_cast<size_t>(put);
  }
  return true;
}

}  // namespace

IndexMender::IndexMender(const std::string& path, std::span<const uint8_t> sync)
    : path_(path), sync_(sync.begin(), sync.end()) {
  is_wanted_ = old_.open(path, sync, true) == IndexReader::Opened::kYes;
  if (!is_wanted_) return;
  text_ = old_.header();
  read_row();
}

void IndexMender::append(const IndexRow& row) {
  uint8_t body[kIndexRowBytesMax];
  uint8_t head[kBlockHeadBytesMax];
  const size_t size = put_index_row(row, body);
  text_.append(reinterpret_cast<const char*>(head), put_block_head(1, size, head));
  text_.append(reinterpret_cast<const char*>(body), size);
  text_ += sync_;
}

void IndexMender::keep(uint64_t from, uint64_t to, uint64_t datums) {
  if (!is_wanted_) return;
  for (; has_row_ && (row_.offset < from || row_.datums == 0); read_row())
    carried_ = carried_ + row_.losses;
  IndexRow row = {to, datums, false, 0, 0, {}};
  if (has_row_ && row_.offset == from && row_.datums == datums) {
    row = row_;
    row.offset = to;
    read_row();
  }
  row.losses = row.losses + carried_;
  carried_ = {};
  append(row);
}

// Behind the end of what was damaged nobody knows what was lost; the last row without times says
// so.
bool IndexMender::finish(uint64_t end, std::string* why) {
  if (!is_wanted_) return true;
  for (; has_row_; read_row()) carried_ = carried_ + row_.losses;
  append({end, 0, false, 0, 0, carried_});
  const fs::path whole(path_);
  const std::string temporary =
      whole.parent_path() / ("." + whole.filename().string() + ".mending");
  *why = "unable to make " + path_ + " anew";
  unlink(temporary.c_str());
  struct stat old;
  UniqueFd fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  const bool good = fd && stat(path_.c_str(), &old) == 0 && write_all(fd.get(), text_) &&
                    (fchown(fd.get(), old.st_uid, old.st_gid) == 0 || geteuid() != 0) &&
                    fchmod(fd.get(), old.st_mode & 07777) == 0 && fsync(fd.get()) == 0 &&
                    rename(temporary.c_str(), path_.c_str()) == 0;
  const int failed = errno;
  if (!good && fd) unlink(temporary.c_str());
  errno = failed;
  return good;
}

}  // namespace sdr::cat
