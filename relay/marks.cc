#include "relay/marks.h"

#include <string.h>

namespace sdr {

void mark_counters(CountersPage* page, int64_t now_ns) {
  CountersMark* const marks = page->marks;
  const uint64_t last = get(marks[0].time_ns);
  const auto now = static_cast<uint64_t>(now_ns);
  // One of the time before a reboot may lie in the future: that wraps, and is old.
  if (now - last < kMarkEveryNs) return;
  set(marks[0].time_ns, 0);
  release_fence();
  memcpy(static_cast<void*>(&marks[1]), &marks[0], sizeof marks[0]);
  set(marks[1].time_ns, last);
  memcpy(marks[0].receiver, &page->receiver, sizeof marks[0].receiver);
  memcpy(static_cast<void*>(&marks[0].writer), &page->writer, sizeof marks[0].writer);
  marks[0].time_ns.store(now);
}

}  // namespace sdr
