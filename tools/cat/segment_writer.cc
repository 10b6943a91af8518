#include "tools/cat/segment_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include <filesystem>
#include <vector>

#include "relay/format/header_check.h"
#include "relay/format/index.h"
#include "relay/format/segment_name.h"
#include "tools/recording/index_reader.h"

namespace sdr::cat {
namespace {

namespace fs = std::filesystem;

// Blocks are what is read at once by time, so they are no longer than those of a relay that syncs
// every 5 s.
constexpr size_t kBlockBytes = 256 << 10;
constexpr int64_t kBlockUs = 5000000;
constexpr size_t kMetadataBytesMax = 4096;

std::span<const uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

bool is_there(int dir_fd, const std::string& name) {
  return faccessat(dir_fd, name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

std::string iso_time(int64_t time_us) {
  char text[kIsoTimeBytes + 1];
  return {text, put_iso_time(time_us, text)};
}

}  // namespace

WriteError WriteError::system(const std::string& what) {
  return {what + ": " + strerror(errno), 111};
}

SegmentWriter::SegmentWriter(const std::string& path, const SegmentOrigin& origin, int64_t start_us)
    : path_(path), origin_(origin), start_us_(start_us) {
  const fs::path whole(path);
  directory_ = whole.has_parent_path() ? whole.parent_path() : fs::path(".");
  directory_fd_.reset(open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory_fd_) throw WriteError::system("unable to open " + directory_);
  segment_.name = whole.filename();
  index_.name = fs::path(recording::index_beside(path)).filename();
  if (getrandom(sync_, sizeof sync_, 0) != sizeof sync_)
    throw WriteError::system("unable to get random bytes");
  sync_[kSyncBytes - 1] |= 1;  // as in every segment: a run of zeros holds no part of a marker
  for (File* file : {&segment_, &index_}) open_file(file);

  const std::string started = iso_time(start_us);
  char check[kHeaderCheckBytes];
  begin_header_check(sync_, check);
  std::vector<MetadataPair> pairs = {{"avro.schema", origin.schema}, {"avro.codec", "null"}};
  const MetadataPair more[] = {{"sdr.channel", origin.channel},
                               {"sdr.host", origin.host},
                               {"sdr.started", started},
                               {"sdr.boot_id", origin.boot_id},
                               {"sdr.clock", origin.clock},
                               {"sdr.recovered", origin.recovered},
                               {kHeaderCheckKey, {check, sizeof check}}};
  for (const MetadataPair& pair : more) {
    if (!pair.value.empty()) pairs.push_back(pair);
  }
  std::vector<uint8_t> header(origin.schema.size() + kMetadataBytesMax);
  size_t size = put_ocf_header({}, pairs, sync_, header);
  if (size == 0) throw WriteError("the rejected datagrams' metadata are too long", 1);
  end_header_check({header.data(), size});
  append(&segment_, {header.data(), size});

  pairs = {{"avro.schema", kIndexSchema}, {"avro.codec", "null"}};
  if (!origin.channel.empty()) pairs.push_back({"sdr.channel", origin.channel});
  pairs.push_back({"sdr.started", started});
  size = put_ocf_header({}, pairs, sync_, header);
  append(&index_, {header.data(), size});
}

SegmentWriter::File::~File() {
  if (fd) unlinkat(dir_fd, temporary.c_str(), 0);
}

// Whoever has the lock on a file that still has the temporary name is the one who writes.
void SegmentWriter::open_file(File* file) {
  const int dir_fd = directory_fd_.get();
  const std::string whole = (fs::path(directory_) / file->name).string();
  if (is_there(dir_fd, file->name))
    throw WriteError(whole +
                         " exists already: were these datagrams taken back before? Nothing is "
                         "written over it",
                     1);
  file->temporary = "." + file->name + ".recovering";
  UniqueFd fd(
      openat(dir_fd, file->temporary.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) throw WriteError::system("unable to make a file in " + directory_);
  struct stat held, named;
  const bool locked = flock(fd.get(), LOCK_EX | LOCK_NB) == 0;
  if (!locked && errno != EWOULDBLOCK) throw WriteError::system("unable to lock " + whole);
  if (!locked || fstat(fd.get(), &held) < 0 ||
      fstatat(dir_fd, file->temporary.c_str(), &named, AT_SYMLINK_NOFOLLOW) < 0 ||
      held.st_ino != named.st_ino)
    throw WriteError(whole + " is being written by another sdr-cat", 1);
  if (ftruncate(fd.get(), 0) < 0) throw WriteError::system("unable to cut " + whole);
  file->dir_fd = dir_fd;
  file->fd = std::move(fd);
}

void SegmentWriter::append(File* file, std::span<const uint8_t> bytes) {
  file->bytes += bytes.size();
  while (!bytes.empty()) {
    const ssize_t put = write(file->fd.get(), bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) throw WriteError::system("unable to write " + file->name + " in " + directory_);
    bytes = bytes.subspan(static_cast<size_t>(put));
  }
}

void SegmentWriter::end_block() {
  if (block_datums_ == 0) return;
  const IndexRow row = {segment_.bytes, static_cast<uint64_t>(block_datums_),
                        true,           block_first_us_,
                        block_last_us_, {}};
  uint8_t head[kBlockHeadBytesMax];
  append(&segment_, {head, put_block_head(row.datums, block_.size(), head)});
  append(&segment_, bytes_of(block_));
  append(&segment_, sync_);
  uint8_t of_index[kIndexBlockBytesMax];
  append(&index_, {of_index, put_index_block(row, sync_, of_index)});
  block_.clear();
  block_datums_ = 0;
}

void SegmentWriter::add(std::span<const uint8_t> datum, int64_t time_us) {
  if (block_.size() + datum.size() > kBlockBytes || time_us - block_first_us_ >= kBlockUs)
    end_block();
  if (block_datums_ == 0) block_first_us_ = time_us;
  block_last_us_ = time_us;
  block_.append(reinterpret_cast<const char*>(datum.data()), datum.size());
  ++block_datums_;
  ++datums_;
}

void SegmentWriter::sync_file(File* file) {
  const int fd = file->fd.get();
  if (fchown(fd, origin_.like.st_uid, origin_.like.st_gid) < 0 && geteuid() == 0)
    throw WriteError::system("unable to give " + file->name + " its owner");
  if (fchmod(fd, origin_.like.st_mode & 0777) < 0 || fsync(fd) < 0)
    throw WriteError::system("unable to finish " + file->name + " in " + directory_);
}

void SegmentWriter::finish() {
  end_block();
  for (File* file : {&segment_, &index_}) sync_file(file);
}

void SegmentWriter::name_file(const File& file) {
  const int dir_fd = directory_fd_.get();
  const char* const from = file.temporary.c_str();
  if (linkat(dir_fd, from, dir_fd, file.name.c_str(), 0) == 0) return;
  // No hard links here.
  if ((errno == EPERM || errno == EOPNOTSUPP) &&
      renameat2(dir_fd, from, dir_fd, file.name.c_str(), RENAME_NOREPLACE) == 0)
    return;
  throw WriteError::system("unable to name " + (fs::path(directory_) / file.name).string());
}

void SegmentWriter::publish() {
  name_file(index_);
  try {
    name_file(segment_);
  } catch (const WriteError&) {
    unlinkat(directory_fd_.get(), index_.name.c_str(), 0);
    throw;
  }
  for (File* file : {&segment_, &index_}) {
    unlinkat(directory_fd_.get(), file->temporary.c_str(), 0);
    file->fd.reset();
  }
  if (fsync(directory_fd_.get()) < 0) throw WriteError::system("unable to sync " + directory_);
}

}  // namespace sdr::cat
