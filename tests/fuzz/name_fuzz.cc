// Any text as the name of a segment, a date directory or a time: what is taken is written again
// letter for letter.
#include "relay/format/segment_name.h"
#include "tests/fuzz/fuzz.h"

using namespace sdr;
using namespace sdr::fuzz;

namespace {

constexpr int64_t kYear10000Us = 253402300800 * 1000000;  // put_* writes years of four digits

void check_text(std::string_view text) {
  char out[kSegmentNameBytesMax];
  const std::string_view channel = text.substr(0, text.rfind('_'));
  const int64_t start_us = parse_segment_name(channel, text);
  require(start_us >= -1 && start_us < kYear10000Us);
  if (start_us >= 0 && is_channel_name(channel)) {
    require(text == std::string_view(out, put_segment_name(channel, start_us, out)));
    require(parse_segment_name("another", text) == -1 || channel == "another");
  }
  const int64_t day_us = parse_date_dir(text);
  require(day_us >= -1 && day_us < kYear10000Us);
  if (day_us >= 0) require(text == std::string_view(out, put_date_dir(day_us, out)));
  const int64_t time_us = parse_iso_time(text);
  require(time_us >= -1 && time_us < kYear10000Us);
  if (time_us >= 0) require(text == std::string_view(out, put_iso_time(time_us, out)));
}

void check_time(int64_t time_us, int64_t later_us) {
  char out[kSegmentNameBytesMax];
  const std::string name(out, put_segment_name("engine", time_us, out));
  require(name.size() < kSegmentNameBytesMax && out[name.size()] == '\0');
  require(parse_segment_name("engine", name) == time_us);
  require(parse_segment_name("engine", name + "x") == -1);
  const std::string iso(out, put_iso_time(time_us, out));
  require(iso.size() == kIsoTimeBytes && parse_iso_time(iso) == time_us);
  const std::string date(out, put_date_dir(time_us, out));
  require(date.size() == kDateDirBytes);
  require(parse_date_dir(date) <= time_us && time_us - parse_date_dir(date) < 86400ll * 1000000);
  // Names sort by time.
  const std::string later(out, put_segment_name("engine", later_us, out));
  require((time_us < later_us) == (name < later));
}

}  // namespace

// Two times, or with the first byte 'n' a text.
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  if (input.number(1) == 'n') {
    check_text(input.rest());
  } else {
    const auto time = [&input] { return static_cast<int64_t>(input.number(8) % kYear10000Us); };
    const int64_t first = time();
    check_time(first, time());
  }
  return 0;
}
