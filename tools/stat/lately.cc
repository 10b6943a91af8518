#include "tools/stat/lately.h"

#include <cmath>
#include <cstring>

#include "tools/stat/human.h"

namespace sdr::status {
namespace {

// A relay makes a mark each minute, and looks for that once a second: what is older has been left
// by one that is gone, or that hangs.
constexpr int64_t kOldest_ns = 150'000'000'000;
static_assert(kOldest_ns > 2 * static_cast<int64_t>(kMarkEveryNs) + 2'000'000'000);

std::shared_ptr<CountersPage> page_at(const CountersPage& page, const CountersMark& mark) {
  auto base = std::make_shared<CountersPage>(page);
  memcpy(static_cast<void*>(&base->receiver), mark.receiver, sizeof mark.receiver);
  base->writer = mark.writer;
  return base;
}

}  // namespace

void find_base(int64_t boot_ns, View* view) {
  const CountersPage& page = *view->now;
  int64_t age_ns = -1;
  const CountersMark* mark = nullptr;
  for (const CountersMark& one : page.marks) {
    const auto time_ns = static_cast<int64_t>(get(one.time_ns));
    if (time_ns <= 0 || time_ns > boot_ns || boot_ns - time_ns > kOldest_ns) continue;
    if (boot_ns - time_ns <= age_ns) continue;
    age_ns = boot_ns - time_ns;
    mark = &one;
  }
  if (mark) view->base = page_at(page, *mark);
  const auto page_age_ns = static_cast<int64_t>(view->time_ns - page.page_time_ns);
  if (!mark && page.magic != 0 && page_age_ns >= 0 && page_age_ns <= kOldest_ns) {
    view->base = std::make_shared<CountersPage>();
    age_ns = page_age_ns;
  }
  if (view->before && view->interval_s * 1e9 > static_cast<double>(age_ns)) {
    view->base = view->before;
    view->base_s = view->interval_s;
  } else if (view->base) {
    view->base_s = static_cast<double>(age_ns) / 1e9;
  }
}

Share share_of(const View& view, const std::function<uint64_t(const CountersPage&)>& read) {
  const uint64_t now = read(*view.now);
  const uint64_t then = view.base ? read(*view.base) : now;
  return now > then ? Share{now - then, then} : Share{0, now};
}

std::string lately_text(const View& view) {
  return "in the last " + duration_text(static_cast<uint64_t>(std::ceil(view.base_s)));
}

}  // namespace sdr::status
