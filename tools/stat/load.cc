#include "tools/stat/load.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <iterator>

#include "tools/recording/index_reader.h"
#include "tools/recording/source.h"

namespace sdr::status {
namespace {

using namespace recording;

constexpr size_t kSegmentsLooked = 3;
constexpr double kReceiveTimeBytes = 8;  // of today's, as a varint of microseconds
// UDP, Ethernet with its check sum, preamble and gap; and IP.
constexpr double kFrameBytes = 8 + 18 + 20;
constexpr double kIpv4Bytes = 20, kIpv6Bytes = 40;

// Of one sealed segment. A segment of a single moment says nothing.
Load load_of(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct stat status;
  if (!fd || fstat(fd.get(), &status) != 0) return {};
  SegmentReader reader(std::move(fd), false, 64 << 10);
  std::string why;
  if (reader.read_header(&why) != SegmentReader::Header::kOk) return {};
  IndexReader index;
  if (index.open(index_beside(path), reader.sync(), false) != IndexReader::Opened::kYes) return {};
  IndexRow row;
  uint64_t datums = 0;
  int64_t first_us = INT64_MAX;
  int64_t last_us = INT64_MIN;
  while (index.next(&row)) {
    datums += row.datums;
    if (!row.has_times || row.datums == 0) continue;
    first_us = std::min(first_us, row.first_time_us);
    last_us = std::max(last_us, row.last_time_us);
  }
  if (first_us >= last_us || datums < 2) return {};
  const double seconds = static_cast<double>(last_us - first_us) / 1e6;
  const auto bytes =
      static_cast<double>(status.st_size) - static_cast<double>(reader.header().size());
  return {static_cast<double>(datums - 1) / seconds, std::max(bytes, 0.0) / seconds};
}

}  // namespace

Load live_load(const View& view) {
  if (!view.before || view.interval_s <= 0) return {};
  const ReceiverCounters& then = view.before->receiver;
  const ReceiverCounters& now = view.now->receiver;
  return {rate(get(then.received), get(now.received), view.interval_s),
          rate(get(then.received_bytes), get(now.received_bytes), view.interval_s)};
}

Load recorded_load(const std::string& storage, const std::string& channel) {
  std::string error;
  std::vector<Segment> segments = list_segments(storage + "/channel=" + channel, channel, &error);
  std::erase_if(segments, [](const Segment& segment) { return segment.open; });
  Load busiest;
  const size_t looked = std::min(segments.size(), kSegmentsLooked);
  for (auto segment = segments.end() - static_cast<ptrdiff_t>(looked); segment != segments.end();
       ++segment) {
    const Load load = load_of(segment->path);
    if (load.bytes_per_s > busiest.bytes_per_s) busiest = load;
  }
  return busiest;
}

double recorded_bytes_per_s(const Channel& channel, const Load& load) {
  if (!channel.record) return 0;
  return load.bytes_per_s +
         (channel.record->receive_time ? kReceiveTimeBytes : 0) * load.datums_per_s;
}

double stream_bits_per_s(const Endpoint& to, const DecimatedStream* decimated, const Load& load) {
  if (!load.is_known()) return 0;
  double datagrams_per_s = load.datums_per_s;
  if (decimated) {
    datagrams_per_s =
        decimated->factor > 0
            ? load.datums_per_s / decimated->factor
            : std::min(load.datums_per_s, static_cast<double>(decimated->rate_mhz) / 1e3);
    if (decimated->method == "minmax") datagrams_per_s *= 2;
  }
  const double framed =
      load.bytes_per_s / load.datums_per_s + kFrameBytes + (to.ipv6 ? kIpv6Bytes : kIpv4Bytes);
  return datagrams_per_s * framed * 8;
}

}  // namespace sdr::status
