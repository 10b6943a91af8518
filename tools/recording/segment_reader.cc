#include "tools/recording/segment_reader.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

namespace sdr::recording {
namespace {

constexpr int kRereads = 5;
constexpr timespec kRereadPause = {.tv_sec = 0, .tv_nsec = 10'000'000};

}  // namespace

SegmentReader::SegmentReader(UniqueFd fd, bool open_segment, size_t window_bytes)
    : fd_(std::move(fd)),
      open_segment_(open_segment),
      buffer_(std::max<size_t>(window_bytes, kSyncBytes)),
      rereads_left_(open_segment ? kRereads : 0) {}

// Reads what is there into the window's free space, for which it makes room. Returns false at the
// end of the file or where reading failed.
bool SegmentReader::fill() {
  if (at_end_) return false;
  if (begin_ > 0) {
    memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    offset_ += static_cast<int64_t>(begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size()) buffer_.resize(buffer_.size() * 2);
  ssize_t got;
  do {
    got = read(fd_.get(), buffer_.data() + end_, buffer_.size() - end_);
  } while (got < 0 && errno == EINTR);
  if (got < 0) sys_errno_ = errno;
  if (got <= 0) at_end_ = true;
  if (got > 0) end_ += static_cast<size_t>(got);
  return got > 0;
}

SegmentReader::Header SegmentReader::read_header(std::string* why) {
  for (;;) {
    Result<OcfHeader> header = parse_ocf_header(window());
    if (header) {
      header_.assign(reinterpret_cast<const char*>(window().data()), header->size);
      begin_ += header->size;
      set_check(nullptr, nullptr);
      return Header::kOk;
    }
    const size_t magic = std::min(window().size(), sizeof kOcfMagic);
    const bool may_be_avro = memcmp(window().data(), kOcfMagic, magic) == 0;
    if (may_be_avro && window().size() < kHeaderBytesMax && fill()) continue;
    *why = header.error().what;
    if (sys_errno_ != 0) {
      *why = strerror(sys_errno_);
      return Header::kError;
    }
    return open_segment_ && may_be_avro && at_end_ ? Header::kNotYet : Header::kBad;
  }
}

std::string_view SegmentReader::metadata(std::string_view key) const {
  const std::span<const uint8_t> header(reinterpret_cast<const uint8_t*>(header_.data()),
                                        header_.size());
  const std::span<const uint8_t> value = ocf_metadata(header, key);
  return {reinterpret_cast<const char*>(value.data()), value.size()};
}

void SegmentReader::set_check(BlockScan::Check check, void* context) {
  scan_.begin(sync().data(), header_.size(), kBlockBytesMax, check, context);
}

bool SegmentReader::seek(uint64_t offset) {
  if (offset > INT64_MAX || lseek(fd_.get(), static_cast<off_t>(offset), SEEK_SET) < 0)
    return false;
  begin_ = end_ = block_size_ = 0;
  offset_ = static_cast<int64_t>(offset);
  at_end_ = false;
  scan_.restart(offset);
  return true;
}

bool SegmentReader::may_begin_at(uint64_t offset) const {
  uint8_t bytes[kSyncBytes];
  if (offset < header_.size() || offset > INT64_MAX) return false;
  const ssize_t got =
      pread(fd_.get(), bytes, sizeof bytes, static_cast<off_t>(offset - sizeof bytes));
  return got >= 0 && memcmp(bytes, sync().data(), static_cast<size_t>(got)) == 0;
}

uint64_t SegmentReader::end_of_block(uint64_t offset) const {
  uint8_t bytes[kBlockHeadBytesMax];
  BlockHead head;
  if (offset > INT64_MAX) return offset;
  const ssize_t got = pread(fd_.get(), bytes, sizeof bytes, static_cast<off_t>(offset));
  if (got <= 0 || parse_block_head({bytes, static_cast<size_t>(got)}, &head) != BlockStatus::kOk)
    return offset;
  return offset + head.size();
}

// The block that next() is at: the one found last, or what looks damaged.
bool SegmentReader::reread() {
  const int64_t from = offset_ + static_cast<int64_t>(begin_);
  if (rereads_left_ == 0 || lseek(fd_.get(), from, SEEK_SET) < 0) return false;
  --rereads_left_;
  nanosleep(&kRereadPause, nullptr);
  end_ = begin_;
  block_size_ = 0;
  at_end_ = false;
  scan_.restart(static_cast<uint64_t>(from));
  return true;
}

Found SegmentReader::next() {
  begin_ += block_size_;
  block_size_ = 0;
  Found found;
  for (;;) {
    const bool sound_so_far = !scan_.in_loss();
    const ScanFound scanned = scan_.next(window(), at_end_ ? Rest::kEnd : Rest::kMore);
    if (sound_so_far && scan_.in_loss() && !scan_.is_unfinished() && reread()) continue;
    switch (scanned.event) {
      case ScanEvent::kMore:
        if (fill() || sys_errno_ == 0) continue;
        found.event = Event::kError;
        found.sys_errno = sys_errno_;
        return found;
      case ScanEvent::kPass:
        begin_ += scanned.bytes;
        continue;
      case ScanEvent::kBlock:
        found.event = Event::kBlock;
        found.block = scanned.block;
        found.size = static_cast<int64_t>(scanned.bytes);
        found.offset = static_cast<int64_t>(scan_.position()) - found.size;
        block_size_ = scanned.bytes;
        return found;
      case ScanEvent::kLost:
        found.lost = scanned.lost;
        found.offset = static_cast<int64_t>(found.lost.offset);
        found.size = static_cast<int64_t>(found.lost.bytes);
        found.event = open_segment_ && found.lost.unfinished ? Event::kTail : Event::kDamage;
        return found;
      case ScanEvent::kEnd:
        return found;
    }
  }
}

}  // namespace sdr::recording
