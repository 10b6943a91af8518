// Any bytes as a counters page: sdr-stat refuses it and says why, or shows it as JSON and as a
// table with its columns in place; so with its lost numbers.
#include <string.h>

#include <algorithm>
#include <memory>

#include "tests/fuzz/fuzz.h"
#include "tools/stat/gaps.h"
#include "tools/stat/page.h"
#include "tools/stat/percentile.h"
#include "tools/stat/view.h"

using namespace sdr;
using namespace sdr::fuzz;

namespace {

constexpr size_t kHeadBytes = offsetof(CountersPage, stream_count);
constexpr size_t kWidth = 120;

std::string page_head() {
  std::string head(kHeadBytes, '\0');
  const uint32_t version = kCountersVersion;
  const uint32_t bytes = kCountersBytes;
  memcpy(head.data() + offsetof(CountersPage, magic), &kCountersMagic, sizeof kCountersMagic);
  memcpy(head.data() + offsetof(CountersPage, version), &version, sizeof version);
  memcpy(head.data() + offsetof(CountersPage, bytes), &bytes, sizeof bytes);
  head.replace(offsetof(CountersPage, channel), 6, "engine");
  return head;
}

void check_percentiles(const CountersPage& page) {
  const uint64_t max = get(page.receiver.latency_max_ns);
  std::optional<uint64_t> last = 0;
  for (const uint64_t per_mille : {0u, 1u, 500u, 990u, 999u, 1000u}) {
    const std::optional<uint64_t> now = status::percentile(page.receiver.latency, per_mille, max);
    require(!now || (last && *now >= *last && *now <= max));
    require(now.has_value() || per_mille == 0 || !last || *last == 0);
    last = now;
  }
}

void check_view(const status::View& view) {
  std::string json_text;
  JsonWriter json(&json_text);
  status::print_json(view, &json);
  require(is_json(json_text));
  std::vector<status::View> views;
  views.push_back({view.name, view.service, nullptr, view.now, 0, view.time_ns, 0});
  for (const size_t width : {size_t{0}, kWidth}) {
    const std::string table = status::table_text(views, width);
    require(std::count(table.begin(), table.end(), '\n') == 2 && table.ends_with('\n'));
    require(table.find('\n') <= kWidth && table.size() - table.find('\n') <= kWidth + 2);
    require(std::all_of(table.begin(), table.end(),
                        [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
  }
}

void check_gaps(const CountersPage& page, uint64_t gaps_now) {
  std::vector<status::Gaps> channels(1);
  status::Gaps& gaps = channels[0];
  gaps.name = "engine";
  gaps.page = std::make_shared<CountersPage>(page);
  gaps.ranges = status::kept_ranges(page, gaps_now);
  require(gaps.ranges.size() < kLostRangesKept);
  require(gaps.ranges.size() <= get(page.receiver.sequence.gaps));
  std::string json_text;
  JsonWriter json(&json_text);
  status::print_gaps(gaps, &json);
  require(is_json(json_text));
  const std::string text = status::gaps_text(channels);
  const auto lines = static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  require(lines == gaps.ranges.size() + (gaps.ranges.empty() ? 1 : 2) && text.ends_with('\n'));
}

}  // namespace

// With the first byte 'p' what follows a good head, else a whole page; zeros where that is short.
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static MemoryFile file;
  Input input(data, size);
  const bool good_head = input.number(1) == 'p';
  std::string bytes = (good_head ? page_head() : "") + std::string(input.rest());
  if (good_head) bytes.resize(kCountersBytes);
  file.write(bytes);
  status::View view = {"engine", {}, nullptr, nullptr, 0.5, UINT64_MAX / 2, 0};
  status::Page page;
  std::string why;
  const status::Page::Opened opened = page.open(file.path(), "engine", &why);
  require((opened == status::Page::Opened::kRefused) == !why.empty() ||
          opened == status::Page::Opened::kNotBegun);
  view.now = page.read();
  require(view.now->stream_count <= kStreamsMax);
  if (opened != status::Page::Opened::kOk) require(get(view.now->receiver.received) == 0);
  const auto before = std::make_shared<CountersPage>(*view.now);
  std::reverse(reinterpret_cast<char*>(&before->receiver.latency[0]),
               reinterpret_cast<char*>(before.get() + 1));
  view.before = before;
  view.service = status::find_service("/nowhere", "engine", *view.now, UINT64_MAX);
  check_percentiles(*view.now);
  check_view(view);
  const uint64_t gaps = get(view.now->receiver.sequence.gaps);
  for (const uint64_t gaps_now : {gaps, gaps + 1, gaps + kLostRangesKept / 2, gaps / 2})
    check_gaps(*view.now, gaps_now);
  return 0;
}
