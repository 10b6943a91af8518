#include "tools/cat/index_mender.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <filesystem>

#include "tools/cat/write_all.h"

namespace sdr::cat {
namespace {

namespace fs = std::filesystem;

bool next_row(void* old, IndexRow* row) { return static_cast<IndexReader*>(old)->next(row); }

}  // namespace

IndexMender::IndexMender(const std::string& path, std::span<const uint8_t> sync)
    : path_(path), sync_(sync.begin(), sync.end()) {
  is_wanted_ = old_.open(path, sync, true) == IndexReader::Opened::kYes;
  if (!is_wanted_) return;
  text_ = old_.header();
  merge_.begin(next_row, &old_);
}

void IndexMender::append(const IndexRow& row) {
  uint8_t block[kIndexBlockBytesMax];
  const uint8_t* const sync = reinterpret_cast<const uint8_t*>(sync_.data());
  text_.append(reinterpret_cast<const char*>(block), put_index_block(row, sync, block));
}

bool IndexMender::finish(uint64_t end, std::string* why) {
  if (!is_wanted_) return true;
  append(merge_.finish(end));
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
