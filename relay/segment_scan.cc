#include "relay/segment_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relay/format/header_check.h"
#include "relay/format/segment_name.h"

namespace sdr {
namespace {

constexpr size_t kPageBytes = 4096;  // what a disk fails to read is a page, not all that was asked
constexpr size_t kHeaderGuess = 16384;
constexpr size_t kReadBytes = 1 << 20;

ssize_t read_at(int fd, uint8_t* out, size_t bytes, uint64_t at) {
  ssize_t got;
  do {
    got = pread(fd, out, bytes, static_cast<off_t>(at));
  } while (got < 0 && errno == EINTR);
  return got;
}

// Where the base has none, any will do.
bool is_like(std::span<const uint8_t> header, std::span<const uint8_t> base, const char* key) {
  const std::span<const uint8_t> a = ocf_metadata(header, key);
  const std::span<const uint8_t> b = ocf_metadata(base, key);
  return b.empty() || (a.size() == b.size() && memcmp(a.data(), b.data(), b.size()) == 0);
}

}  // namespace

Result<UniqueFd> open_segment(int dir_fd, const char* name) {
  UniqueFd fd(openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd) return Error{"unable to open the segment", errno};
  return fd;
}

Status read_segment_head(int fd, std::span<const uint8_t> base, std::span<uint8_t> buffer,
                         SegmentHead* head) {
  *head = {};
  struct stat status;
  if (fstat(fd, &status) < 0) return Error{"unable to stat the segment", errno};
  head->file_bytes = static_cast<uint64_t>(status.st_size);
  size_t size = 0;
  while (size < buffer.size()) {
    // Most headers are small; only a large one costs a second read.
    const size_t most = size == 0 && buffer.size() > kHeaderGuess ? kHeaderGuess : buffer.size();
    const ssize_t got = read_at(fd, buffer.data() + size, most - size, size);
    if (got < 0 && errno != EIO) return Error{"unable to read the segment", errno};
    if (got <= 0) break;
    size += static_cast<size_t>(got);
    if (parse_ocf_header(buffer.first(size))) break;
  }
  Result<OcfHeader> header = parse_ocf_header(buffer.first(size));
  if (!header) {
    head->broken = header.error().what;
    return {};
  }
  const std::span<const uint8_t> bytes(buffer.first(header->size));
  const std::span<const uint8_t> started = ocf_metadata(bytes, "sdr.started");
  head->start_us = parse_iso_time({reinterpret_cast<const char*>(started.data()), started.size()});
  if (check_header(bytes) != HeaderCheck::kGood || head->start_us < 0) {
    head->broken = "its header is damaged";
  } else if (!is_like(bytes, base, "sdr.channel")) {
    head->broken = "it is another channel's";
  }
  head->bytes = header->size;
  memcpy(head->sync, header->sync, kSyncBytes);
  head->is_same_schema = is_like(bytes, base, "avro.schema");
  return {};
}

bool ends_block(int fd, const SegmentHead& head, uint64_t end) {
  uint8_t found[kSyncBytes];
  return end >= head.bytes && end <= head.file_bytes &&
         read_at(fd, found, kSyncBytes, end - kSyncBytes) == ssize_t{kSyncBytes} &&
         memcmp(found, head.sync, kSyncBytes) == 0;
}

void SegmentScan::begin(int fd, const SegmentHead& head, BlockScan::Check check, void* context) {
  fd_ = fd;
  file_bytes_ = head.file_bytes;
  begin_ = end_ = 0;
  rest_ = Rest::kMore;
  scan_.begin(head.sync, head.bytes, window_.size() - kBlockHeadBytesMax - kSyncBytes, check,
              context);
}

// Reads on behind what is in the window.
Status SegmentScan::fill() {
  memmove(window_.data(), window_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  const uint64_t at = scan_.position() + end_;
  if (at >= file_bytes_) {
    rest_ = Rest::kEnd;
    return {};
  }
  size_t bytes = window_.size() - end_;
  if (bytes > kReadBytes) bytes = kReadBytes;
  ssize_t got = read_at(fd_, window_.data() + end_, bytes, at);
  if (got < 0 && errno == EIO) {
    const size_t left_of_page = kPageBytes - at % kPageBytes;
    if (bytes > left_of_page) bytes = left_of_page;
    got = read_at(fd_, window_.data() + end_, bytes, at);
    if (got < 0 && errno == EIO) {
      rest_ = Rest::kGap;
      gap_bytes_ = file_bytes_ - at < left_of_page ? file_bytes_ - at : left_of_page;
      return {};
    }
  }
  if (got < 0) return Error{"unable to read the segment", errno};
  if (got == 0) rest_ = Rest::kEnd;
  end_ += static_cast<size_t>(got);
  return {};
}

Status SegmentScan::next(ScanFound* found) {
  for (;;) {
    *found = scan_.next(window_.subspan(begin_, end_ - begin_), rest_);
    if (found->event == ScanEvent::kBlock || found->event == ScanEvent::kPass)
      begin_ += found->bytes;
    if (found->event != ScanEvent::kMore) return {};
    if (rest_ == Rest::kGap) {
      scan_.lose(gap_bytes_);
      rest_ = Rest::kMore;
      found->event = ScanEvent::kPass;
      found->bytes = 0;
      return {};
    }
    if (Status s = fill(); !s) return s;
  }
}

}  // namespace sdr
