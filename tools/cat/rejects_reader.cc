#include "tools/cat/rejects_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/cat/report.h"

namespace sdr::cat {
namespace {

// A rejected datagram is at most 64 KiB, and what stands beside it is short.
constexpr size_t kKeptBytesMax = 96 << 10;
constexpr size_t kWindowBytes = 512 << 10;

Reject check_kept(const OcfBlock& block, void*) {
  size_t at = 0;
  for (int64_t i = 0; i < block.datums; ++i) {
    KeptDatagram kept;
    if (!take_kept(block.data.subspan(at), &kept)) return Reject::kShort;
    at += kept.size;
  }
  return at == block.data.size() ? Reject::kNone : Reject::kLong;
}

}  // namespace

// The open one has been opened already: its name may be another file's by now.
UniqueFd RejectsReader::open_file(size_t file) const {
  const Segment& segment = files_[file];
  if (!segment.fd) return UniqueFd(open(segment.path.c_str(), O_RDONLY | O_CLOEXEC));
  lseek(segment.fd.get(), 0, SEEK_SET);
  return UniqueFd(fcntl(segment.fd.get(), F_DUPFD_CLOEXEC, 3));
}

void RejectsReader::scan(const Take& take, const Complain& complain) {
  for (size_t i = 0; i < files_.size(); ++i) scan_file(i, take, complain);
}

void RejectsReader::scan_file(size_t file, const Take& take, const Complain& complain) {
  const std::string& path = files_[file].path;
  UniqueFd fd = open_file(file);
  struct stat status;
  if (!fd || fstat(fd.get(), &status) < 0) return complain(path + ": " + strerror(errno), 111);
  if (!S_ISREG(status.st_mode)) return complain(path + ": not a regular file", 100);
  SegmentReader reader(std::move(fd), files_[file].open, kWindowBytes);
  std::string why;
  const SegmentReader::Header header = reader.read_header(&why);
  if (header == SegmentReader::Header::kNotYet) return;
  if (header != SegmentReader::Header::kOk)
    return complain(path + ": " + why, header == SegmentReader::Header::kError ? 111 : 1);
  if (!is_schema_of_kept(reader.metadata("avro.schema")))
    return complain(path + ": not a file of rejected datagrams (channel=NAME/rejected/*.avro)",
                    100);
  reader.set_check(check_kept, nullptr);
  for (;;) {
    const Found found = reader.next();
    progress_->update(bytes_done_ + reader.position());
    if (found.event == Event::kDamage) complain(path + ": " + damage_text(found), 1);
    if (found.event == Event::kDamage) continue;
    if (found.event == Event::kError) complain(path + ": " + strerror(found.sys_errno), 111);
    if (found.event != Event::kBlock) break;
    const std::span<const uint8_t> data = found.block.data;
    const uint64_t head = static_cast<uint64_t>(found.size) - data.size() - kSyncBytes;
    size_t at = 0;
    for (KeptDatagram kept; at < data.size() && take_kept(data.subspan(at), &kept); at += kept.size)
      take(kept, RejectPlace(kept.time_us, file, static_cast<uint64_t>(found.offset) + head + at));
  }
  bytes_done_ += reader.position();
}

// Brings what stands at `place` into the window, and what stands behind it.
bool RejectsReader::fill(const RejectPlace& place) {
  if (open_file_ != place.file()) {
    fd_ = open_file(place.file());
    open_file_ = place.file();
    window_.clear();
  }
  if (!fd_) return false;
  if (place.offset() >= window_offset_ &&
      place.offset() + kKeptBytesMax <= window_offset_ + window_.size())
    return true;
  window_.resize(kWindowBytes);
  window_offset_ = place.offset();
  const ssize_t got =
      pread(fd_.get(), window_.data(), window_.size(), static_cast<off_t>(place.offset()));
  if (got > 0) progress_->update(bytes_done_ += got);
  window_.resize(got > 0 ? static_cast<size_t>(got) : 0);
  return got > 0;
}

bool RejectsReader::read(const RejectPlace& place, KeptDatagram* kept) {
  if (!fill(place)) return false;
  const std::span<const uint8_t> window(window_);
  return take_kept(window.subspan(place.offset() - window_offset_), kept) &&
         kept->time_us == place.time_us;
}

void RejectsReader::read_origin(const RejectPlace& place, SegmentOrigin* origin) {
  UniqueFd fd = open_file(place.file());
  if (!fd || fstat(fd.get(), &origin->like) < 0)
    throw WriteError::system("unable to open " + files_[place.file()].path);
  SegmentReader reader(std::move(fd), false, kWindowBytes);
  std::string why;
  if (reader.read_header(&why) != SegmentReader::Header::kOk)
    throw WriteError(files_[place.file()].path + ": " + why, 1);
  origin->channel = reader.metadata("sdr.channel");
  origin->host = reader.metadata("sdr.host");
  origin->boot_id = reader.metadata("sdr.boot_id");
  origin->clock = reader.metadata("sdr.clock");
}

}  // namespace sdr::cat
