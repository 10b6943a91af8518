#include "relay/marks.h"

#include <doctest/doctest.h>

#include <cstring>
#include <memory>

using namespace sdr;

namespace {

constexpr int64_t kEvery_ns = static_cast<int64_t>(kMarkEveryNs);

uint64_t received_at(const CountersMark& mark) {
  return mark.receiver[offsetof(ReceiverCounters, received) / sizeof(uint64_t)];
}

}  // namespace

TEST_CASE("marks: one each minute, the one before beside it") {
  const auto page = std::make_unique<CountersPage>();
  set(page->receiver.received, 7);
  set(page->writer.recorded, 5);
  mark_counters(page.get(), kEvery_ns + 1);
  const CountersMark* const marks = page->marks;
  CHECK(get(marks[0].time_ns) == kMarkEveryNs + 1);
  CHECK(get(marks[1].time_ns) == 0);
  CHECK(received_at(marks[0]) == 7);
  CHECK(get(marks[0].writer.recorded) == 5);
  set(page->receiver.received, 8);
  mark_counters(page.get(), 2 * kEvery_ns);
  CHECK(received_at(marks[0]) == 7);
  mark_counters(page.get(), 2 * kEvery_ns + 1);
  CHECK(get(marks[0].time_ns) == 2 * kMarkEveryNs + 1);
  CHECK(get(marks[1].time_ns) == kMarkEveryNs + 1);
  CHECK(received_at(marks[0]) == 8);
  CHECK(received_at(marks[1]) == 7);
  CHECK(get(marks[1].writer.recorded) == 5);
}

TEST_CASE("marks: what stands before the lost ranges is in them, and nothing behind it") {
  const auto page = std::make_unique<CountersPage>();
  set(page->receiver.sequence.resets, 9);
  set(page->receiver.lost_ranges[0].first, UINT64_MAX);
  set(page->writer.disk_busy_since_ns, 3);
  mark_counters(page.get(), kEvery_ns);
  const CountersMark& mark = page->marks[0];
  CHECK(memcmp(mark.receiver, &page->receiver, sizeof mark.receiver) == 0);
  CHECK(mark.receiver[sizeof mark.receiver / sizeof(uint64_t) - 1] == 9);
  CHECK(get(mark.writer.disk_busy_since_ns) == 3);
  CHECK(get(page->marks[1].time_ns) == 0);
}

TEST_CASE("marks: one from before a reboot is old, and the next follows at its time") {
  const auto page = std::make_unique<CountersPage>();
  mark_counters(page.get(), 1000 * kEvery_ns);
  mark_counters(page.get(), 5);
  CHECK(get(page->marks[0].time_ns) == 5);
  mark_counters(page.get(), kEvery_ns);
  CHECK(get(page->marks[0].time_ns) == 5);
  mark_counters(page.get(), kEvery_ns + 5);
  CHECK(get(page->marks[0].time_ns) == kMarkEveryNs + 5);
}

TEST_CASE("marks: one that a kill cut off is left out, and not in the way of the next") {
  const auto page = std::make_unique<CountersPage>();
  mark_counters(page.get(), kEvery_ns);
  set(page->marks[0].time_ns, 0);
  mark_counters(page.get(), kEvery_ns + 1);
  CHECK(get(page->marks[0].time_ns) == kMarkEveryNs + 1);
  CHECK(get(page->marks[1].time_ns) == 0);
}
