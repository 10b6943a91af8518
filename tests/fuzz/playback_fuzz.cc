// Any bytes as a recording and its index for sdr-feed --replay: what is sent are datums of the
// file, whole but for their receive time, with times that never go back; pace and range of time
// change which are sent, never what.
#include <fcntl.h>
#include <time.h>

#include <algorithm>

#include "tests/fuzz/fuzz.h"
#include "tools/feed/lane_reader.h"

using namespace sdr;
using namespace sdr::fuzz;

namespace {

constexpr uint64_t kDatumsMax = 1 << 16;  // of a block of datums without bytes there may be more

struct Played {
  int exit_code = 0;
  bool is_cut = false;
  uint64_t datums = 0;
  uint64_t bytes = 0;
};

Played play(const ScratchDirectory& directory, bool is_open, const LaneOptions& options) {
  Played played;
  int64_t last_ns = -kTimeMax_ns;
  const LaneSink sink = {
      .take =
          [&](int64_t time_ns, std::span<const uint8_t> datum) {
            require(time_ns >= last_ns && time_ns <= kTimeMax_ns && datum.size() <= 65507);
            last_ns = time_ns;
            played.bytes += datum.size();
            played.is_cut = ++played.datums == kDatumsMax;
            return !played.is_cut;
          },
      .end_block = [] {},
      .say = [&](const char* kind, const std::string& path,
                 const std::string& what) { require(kind && !path.empty() && !what.empty()); }};
  std::vector<recording::Segment> segments;
  segments.push_back({.path = directory.path() + "/a.avro", .open = is_open, .fd = {}});
  LaneReader reader(options, sink);
  played.exit_code = reader.read(std::move(segments));
  require(played.exit_code == 0 || played.exit_code == 1 || played.exit_code == 100);
  return played;
}

}  // namespace

// Reading an open segment again waits a moment: not here.
extern "C" int nanosleep(const timespec*, timespec*) { return 0; }

// A byte: 1 an open segment, 2 by a named field; two bytes: the segment's size; it; its index.
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const bool silent = (silence_stdio(), true);
  static const ScratchDirectory directory;
  require(silent);
  Input input(data, size);
  const uint64_t way = input.number(1);
  const std::string_view segment = input.text(input.number(2));
  directory.write("a.avro", segment);
  directory.write("a.index", input.rest());
  const std::string field = way & 2 ? "speed" : "";
  const Played all = play(directory, way & 1, {.pace_field = field, .needs_times = false});
  require(all.bytes <= segment.size());
  const Played paced = play(directory, way & 1, {.pace_field = field});
  require(paced.exit_code == 100 || paced.datums == all.datums);
  const recording::TimeRange half = {INT64_MIN, 1795378500000000};
  const Played early = play(directory, way & 1, {.range = half, .pace_field = field});
  const Played late = play(directory, way & 1, {.range = {half.to_us}, .pace_field = field});
  if (!all.is_cut && early.exit_code != 100 && late.exit_code != 100)
    require(std::max(early.datums, late.datums) <= all.datums);
  return 0;
}
