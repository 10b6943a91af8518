// The rejected datagrams in a number of files: all of them once in the order of the files, and then
// any of them by its place.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tools/cat/kept_datagram.h"
#include "tools/cat/segment_writer.h"
#include "tools/lib/progress.h"
#include "tools/recording/segment_reader.h"
#include "tools/recording/source.h"

namespace sdr::cat {
using namespace recording;

// Where a rejected datagram stands. 16 bytes: there may be millions of them.
class RejectPlace {
 public:
  static constexpr size_t kFilesMax = 1 << 20;

  RejectPlace(int64_t at_us, size_t in_file, uint64_t at)
      : time_us(at_us), packed_(static_cast<uint64_t>(in_file) << kOffsetBits | at) {}
  size_t file() const { return packed_ >> kOffsetBits; }
  uint64_t offset() const { return packed_ & ((uint64_t{1} << kOffsetBits) - 1); }

  int64_t time_us;

 private:
  static constexpr int kOffsetBits = 44;
  uint64_t packed_;
};

class RejectsReader {
 public:
  using Take = std::function<void(const KeptDatagram&, const RejectPlace&)>;
  using Complain = std::function<void(const std::string&, int exit_code)>;

  RejectsReader(std::vector<Segment> files, Progress* progress)
      : files_(std::move(files)), progress_(progress) {}

  // Hands out every one. What is damaged, or no file of rejected datagrams, goes to `complain`, and
  // what can be read is read all the same.
  void scan(const Take& take, const Complain& complain);

  // The one at `place`, valid until the next call. False: it is no longer there.
  bool read(const RejectPlace& place, KeptDatagram* kept);

  // What the file that it stands in says of the relay that received it.
  void read_origin(const RejectPlace& place, SegmentOrigin* origin);

 private:
  UniqueFd open_file(size_t file) const;
  void scan_file(size_t file, const Take& take, const Complain& complain);
  bool fill(const RejectPlace& place);

  const std::vector<Segment> files_;
  Progress* const progress_;
  int64_t bytes_done_ = 0;
  size_t open_file_ = SIZE_MAX;
  UniqueFd fd_;
  uint64_t window_offset_ = 0;
  std::vector<uint8_t> window_;
};

}  // namespace sdr::cat
