#include "tools/recording/index_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <algorithm>
#include <filesystem>

#include "relay/format/segment_name.h"

namespace sdr::recording {
namespace {

namespace fs = std::filesystem;

constexpr size_t kWindowBytes = 64 << 10;
constexpr std::string_view kChannelPrefix = "channel=";
constexpr std::string_view kSegmentSuffix = ".avro";

}  // namespace

std::string index_beside(const std::string& path) {
  return fs::path(path).replace_extension(kIndexSuffix);
}

std::string index_path(const std::string& path, const SegmentReader& segment) {
  const fs::path whole(path);
  const std::string name = whole.filename();
  if (name.ends_with(kSegmentSuffix)) return index_beside(path);
  // Names follow the directory's, where it has one.
  const std::string directory = fs::absolute(whole).lexically_normal().parent_path().filename();
  std::string_view channel = segment.metadata("sdr.channel");
  if (directory.starts_with(kChannelPrefix))
    channel = std::string_view(directory).substr(kChannelPrefix.size());
  const int64_t start_us = parse_iso_time(segment.metadata("sdr.started"));
  if (!name.starts_with('.') || !is_channel_name(channel) || start_us < 0) return "";
  char index[kIndexNameBytesMax];
  char day[kDateDirBytes + 1];
  put_index_name(channel, start_us, index);
  put_date_dir(start_us, day);
  return whole.parent_path() / day / index;
}

IndexReader::Opened IndexReader::open(const std::string& path, std::span<const uint8_t> sync,
                                      bool growing) {
  UniqueFd fd(path.empty() ? -1 : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd) return open(std::move(fd), sync, growing);
  if (path.empty() || errno == ENOENT || errno == ENOTDIR) return Opened::kMissing;
  trouble_ = strerror(errno);
  return Opened::kBad;
}

IndexReader::Opened IndexReader::open(UniqueFd fd, std::span<const uint8_t> sync, bool growing) {
  reader_ = std::make_unique<SegmentReader>(std::move(fd), growing, kWindowBytes);
  switch (reader_->read_header(&trouble_)) {
    case SegmentReader::Header::kOk:
      break;
    case SegmentReader::Header::kNotYet:
      trouble_.clear();
      return Opened::kMissing;
    default:
      return Opened::kBad;
  }
  const std::string_view header = reader_->header();
  if (!std::equal(sync.begin(), sync.end(),
                  reinterpret_cast<const uint8_t*>(header.data()) + header.size() - kSyncBytes))
    return Opened::kOther;
  if (reader_->metadata("avro.schema") == kIndexSchema) return Opened::kYes;
  trouble_ = "its schema is not that of an index, or of another version";
  return Opened::kBad;
}

bool IndexReader::fail(const std::string& why) {
  trouble_ = why;
  reader_.reset();
  return false;
}

bool IndexReader::next_block() {
  const Found found = reader_->next();
  switch (found.event) {
    case Event::kBlock:
      block_ = found.block;
      at_ = block_.data.data();
      rows_left_ = block_.datums;
      return true;
    case Event::kError:
      return fail(strerror(found.sys_errno));
    case Event::kDamage:
      return fail("bytes " + std::to_string(found.offset) + " to " +
                  std::to_string(found.offset + found.size) + " are no rows");
    default:
      reader_.reset();
      return false;
  }
}

bool IndexReader::next(IndexRow* row) {
  if (!reader_ || (rows_left_ == 0 && !next_block())) return false;
  const uint8_t* const end = block_.data.data() + block_.data.size();
  if (!take_index_row(&at_, end, row)) return fail("a row that is none");
  if (--rows_left_ == 0 && at_ != end) return fail("bytes are left over behind a row");
  if (row->offset < offset_min_) return fail("its rows are out of order");
  offset_min_ = row->offset + (row->datums > 0);
  return true;
}

}  // namespace sdr::recording
