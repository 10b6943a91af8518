// speeddata-counters(5) has every field of the page at its place, and none that is not there.
#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <string>

#include "relay/format/counters.h"

namespace {

using namespace sdr;

struct Field {
  size_t offset;
  size_t bytes;
};
using Fields = std::map<std::string, Field>;

// All that there is, in words of 8 bytes; an array of words has its length in its name.
#define WORDS(type, part, name)                                               \
  {                                                                           \
#part "." #name + dimension(sizeof(type::name) / 8), {                    \
      offsetof(CountersPage, part) + offsetof(type, name), sizeof(type::name) \
    }                                                                         \
  }
#define MEMBERS(type, part, array, member)                                                       \
  {                                                                                              \
#part "." #array + dimension(sizeof(type::array) / sizeof(type{}.array[0])) + "." #member, { \
      offsetof(CountersPage, part) + offsetof(type, array[0].member),                            \
          sizeof(type::array) / sizeof(type{}.array[0]) * 8                                      \
    }                                                                                            \
  }

std::string dimension(size_t count) { return count == 1 ? "" : "[" + std::to_string(count) + "]"; }

Fields receiver_fields() {
#define FIELD(name) WORDS(ReceiverCounters, receiver, name)
#define OF_SEQUENCE(name)                                                             \
  {                                                                                   \
    "receiver.sequence." #name, {                                                     \
      offsetof(CountersPage, receiver) + offsetof(ReceiverCounters, sequence.name), 8 \
    }                                                                                 \
  }
#define OF_STREAM(name) MEMBERS(ReceiverCounters, receiver, streams, name)
#define OF_LOST(name) MEMBERS(ReceiverCounters, receiver, lost_ranges, name)
  return {FIELD(starts),
          FIELD(start_time_ns),
          FIELD(pid),
          FIELD(received),
          FIELD(received_bytes),
          FIELD(rejected),
          FIELD(rejected_by_reason),
          FIELD(rejects_not_kept),
          FIELD(kernel_drops),
          FIELD(drops_socket),
          FIELD(drops_before),
          FIELD(stale),
          FIELD(unrecorded),
          FIELD(receive_errors),
          FIELD(last_datagram_time_ns),
          FIELD(receive_buffer_asked),
          FIELD(receive_buffer_granted),
          FIELD(ring_bytes),
          FIELD(ring_used),
          FIELD(ring_used_max),
          FIELD(latency),
          FIELD(latency_max_ns),
          FIELD(log_lines_dropped),
          FIELD(writer_starts),
          OF_STREAM(datagrams),
          OF_STREAM(bytes),
          OF_STREAM(send_errors),
          OF_STREAM(last_send_errno),
          FIELD(clock_steps),
          FIELD(silence_ns),
          FIELD(silent_since_ns),
          FIELD(silences),
          FIELD(has_sequence),
          OF_SEQUENCE(gaps),
          OF_SEQUENCE(lost),
          OF_SEQUENCE(duplicates),
          OF_SEQUENCE(reordered),
          OF_SEQUENCE(resets),
          OF_LOST(first),
          OF_LOST(count),
          OF_LOST(time_ns)};
#undef FIELD
}

Fields writer_fields() {
#define FIELD(name) WORDS(WriterCounters, writer, name)
  return {FIELD(pid),
          FIELD(recorded),
          FIELD(recorded_bytes),
          FIELD(file_bytes),
          FIELD(blocks),
          FIELD(syncs),
          FIELD(segments),
          FIELD(rejects_kept),
          FIELD(salvaged),
          FIELD(write_ns_last),
          FIELD(write_ns_max),
          FIELD(sync_ns_last),
          FIELD(sync_ns_max),
          FIELD(last_sync_time_ns),
          FIELD(disk_state),
          FIELD(disk_errno),
          FIELD(disk_errors),
          FIELD(log_lines_dropped),
          FIELD(rejects_not_kept),
          FIELD(losses_told),
          FIELD(disk_busy_since_ns)};
#undef FIELD
}

Fields head_and_marks() {
#define FIELD(name)                                                     \
  {                                                                     \
#name, { offsetof(CountersPage, name), sizeof(CountersPage::name) } \
  }
  return {FIELD(magic),
          FIELD(version),
          FIELD(bytes),
          {"channel[64]", {offsetof(CountersPage, channel), sizeof(CountersPage::channel)}},
          FIELD(stream_count),
          FIELD(has_full_rate),
          FIELD(page_time_ns),
          {"marks[0]", {offsetof(CountersPage, marks[0]), sizeof(CountersMark)}},
          {"marks[1]", {offsetof(CountersPage, marks[1]), sizeof(CountersMark)}}};
}

size_t bytes_of(const Fields& fields) {
  size_t sum = 0;
  for (const auto& [name, field] : fields) sum += field.bytes;
  return sum;
}

// "OFFSET<tab>NAME<tab>TEXT" lines.
std::map<std::string, size_t> rows_of_the_manual() {
  std::map<std::string, size_t> rows;
  std::ifstream page("man/speeddata-counters.5");
  REQUIRE_MESSAGE(page, "run it where man/ is");
  for (std::string line; std::getline(page, line);) {
    const size_t first = line.find('\t'), second = line.find('\t', first + 1);
    if (second == std::string::npos || line.find_first_not_of("0123456789") != first) continue;
    CHECK(rows.emplace(line.substr(first + 1, second - first - 1), std::stoul(line)).second);
  }
  return rows;
}

TEST_CASE("counters: the manual's table is the page") {
  CHECK(bytes_of(receiver_fields()) == sizeof(ReceiverCounters));
  CHECK(bytes_of(writer_fields()) == sizeof(WriterCounters));
  Fields fields = head_and_marks();
  fields.merge(receiver_fields());
  fields.merge(writer_fields());
  const std::map<std::string, size_t> rows = rows_of_the_manual();
  CHECK(rows.size() == fields.size());
  for (const auto& [name, field] : fields) {
    CAPTURE(name);
    REQUIRE(rows.contains(name));
    CHECK(rows.at(name) == field.offset);
  }
}

}  // namespace
