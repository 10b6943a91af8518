#include "tools/cat/segment_reader.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

namespace sdr::cat {
namespace {

constexpr int kRereads = 5;
constexpr timespec kRereadPause = {.tv_sec = 0, .tv_nsec = 10'000'000};

bool is_all_zero(std::span<const uint8_t> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

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
      memcpy(sync_, header->sync, kSyncBytes);
      begin_ += header->size;
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

// Parses the block at begin_, reading on until it is whole or the file ends.
BlockStatus SegmentReader::parse(OcfBlock* block) {
  for (;;) {
    const BlockStatus status = parse_ocf_block(window(), sync_, block);
    const bool cut = status == BlockStatus::kShort || status == BlockStatus::kEnd;
    if (!cut || !fill()) return status;
  }
}

bool SegmentReader::reread() {
  if (rereads_left_ == 0 || lseek(fd_.get(), offset(), SEEK_SET) < 0) return false;
  --rereads_left_;
  nanosleep(&kRereadPause, nullptr);
  end_ = begin_;
  block_size_ = 0;
  at_end_ = false;
  return true;
}

Found SegmentReader::next() {
  begin_ += block_size_;
  block_size_ = 0;
  Found found;
  BlockStatus status;
  do {
    status = parse(&found.block);
  } while (status == BlockStatus::kDamaged && reread());
  found.offset = offset();
  if (sys_errno_ != 0 && status != BlockStatus::kOk) {
    found.event = Event::kError;
    found.sys_errno = sys_errno_;
  } else if (status == BlockStatus::kOk) {
    found.event = Event::kBlock;
    block_size_ = found.block.size;
    found.size = static_cast<int64_t>(block_size_);
  } else if (status != BlockStatus::kEnd) {
    return find_next(offset(), open_segment_ && status == BlockStatus::kShort);
  }
  return found;
}

// Passes `size` bytes of damage. Returns false where nothing follows.
bool SegmentReader::discard(size_t size) {
  if (!is_all_zero(window().first(size))) lost_nonzero_ = true;
  begin_ += size;
  return !window().empty() || fill();
}

Found SegmentReader::damage(int64_t from) const {
  Found found;
  found.event = Event::kDamage;
  found.offset = from;
  found.size = offset() - from;
  found.all_zero = !lost_nonzero_;
  return found;
}

// Finds where blocks go on behind the bad one at `from`: behind the next sync marker that a block
// (or the end) follows. `unfinished`: without one, those bytes are the tail of an open segment.
Found SegmentReader::find_next(int64_t from, bool unfinished) {
  const bool empty_head = window().size() >= 2 && window()[0] == 0 && window()[1] == 0;
  lost_nonzero_ = false;
  for (;;) {
    const std::span<const uint8_t> bytes = window();
    const void* const marker = memmem(bytes.data(), bytes.size(), sync_, kSyncBytes);
    if (!marker) {
      // The window may end inside a marker.
      const size_t kept = std::min(bytes.size(), kSyncBytes - 1);
      // An unfinished block is in the window whole; it stays there for the size of the tail.
      if (!unfinished && discard(bytes.size() - kept) && fill()) continue;
      Found found;
      if (unfinished) {
        found.event = Event::kTail;
        found.offset = from;
        found.size = static_cast<int64_t>(bytes.size());
      } else {
        discard(window().size());
        found = damage(from);
        found.at_end = true;
      }
      begin_ = end_;
      return found;
    }
    unfinished = false;
    const size_t at = static_cast<size_t>(static_cast<const uint8_t*>(marker) - bytes.data());
    discard(at + kSyncBytes);
    OcfBlock block;
    if (parse(&block) == BlockStatus::kDamaged) continue;
    Found found = damage(from);
    found.empty_block = empty_head && found.size == 2 + static_cast<int64_t>(kSyncBytes);
    found.at_end = window().empty();
    return found;
  }
}

}  // namespace sdr::cat
