#include <optional>

#include "tools/stat/percentile.h"
#include "tools/stat/trouble.h"
#include "tools/stat/view.h"

namespace sdr::status {
namespace {

using Uint = uint64_t;

void print_optional(const char* name, std::optional<Uint> number, JsonWriter* out) {
  out->key(name);
  number ? out->value(*number) : out->value(nullptr);
}

void print_service(const View& view, JsonWriter* out) {
  const Service& service = view.service;
  const bool down = service.state == State::kDown;
  out->member("name", view.name).member("state", state_name(service.state));
  out->member("supervised", service.supervised()).member("wanted_up", service.wanted_up);
  print_optional("uptime_s", down ? std::nullopt : service.for_s, out);
  print_optional("downtime_s", down ? service.for_s : std::nullopt, out);
  out->member("pid", service.pid).member("silent", is_silent(view));
}

void print_rejects(const CountersPage& page, JsonWriter* out) {
  const ReceiverCounters& r = page.receiver;
  out->member("rejected", get(r.rejected)).key("rejected_by_reason").begin_object();
  for (size_t i = 1; i < static_cast<size_t>(Reject::kCount); ++i)
    out->member(reject_name(static_cast<Reject>(i)), get(r.rejected_by_reason[i]));
  out->end_object();
  out->member("rejects_kept", get(page.writer.rejects_kept));
  out->member("rejects_not_kept", get(r.rejects_not_kept) + get(page.writer.rejects_not_kept));
}

void print_streams(const CountersPage& page, JsonWriter* out) {
  out->key("streams").begin_array();
  for (size_t i = page.has_full_rate ? 0 : 1; i < page.stream_count; ++i) {
    const StreamCounters& stream = page.receiver.streams[i];
    out->begin_object().member("kind", i == 0 ? "full_rate" : "decimated").member("index", i);
    out->member("datagrams", get(stream.datagrams)).member("bytes", get(stream.bytes));
    out->member("send_errors", get(stream.send_errors));
    out->member("last_send_errno", get(stream.last_send_errno)).end_object();
  }
  out->end_array();
}

void print_receiver(const CountersPage& page, JsonWriter* out) {
  const ReceiverCounters& r = page.receiver;
  const StreamSum decimated = decimated_sum(page);
  out->member("received", get(r.received)).member("received_bytes", get(r.received_bytes));
  print_rejects(page, out);
  out->member("relayed", get(r.streams[0].datagrams));
  out->member("relayed_bytes", get(r.streams[0].bytes));
  out->member("decimated", decimated.datagrams).member("decimated_bytes", decimated.bytes);
  out->member("send_errors", all_streams_sum(page).send_errors);
  print_streams(page, out);
  out->member("kernel_drops", get(r.kernel_drops)).member("stale", get(r.stale));
  out->member("receive_errors", get(r.receive_errors));
  out->member("last_datagram_time_ns", get(r.last_datagram_time_ns));
  out->member("clock_steps", get(r.clock_steps));
  print_sequence(r, out);
  out->key("receive_buffer").begin_object().member("asked", get(r.receive_buffer_asked));
  out->member("granted", get(r.receive_buffer_granted)).end_object();
}

void print_silence(const View& view, JsonWriter* out) {
  const ReceiverCounters& r = view.now->receiver;
  const Uint limit_ns = get(r.silence_ns);
  out->key("silence").begin_object();
  print_optional("limit_ns", limit_ns > 0 ? std::optional(limit_ns) : std::nullopt, out);
  print_optional("since_time_ns",
                 is_silent(view) ? std::optional(get(r.silent_since_ns)) : std::nullopt, out);
  out->member("silences", get(r.silences)).end_object();
}

void print_writer(const CountersPage& page, JsonWriter* out) {
  const ReceiverCounters& r = page.receiver;
  const WriterCounters& w = page.writer;
  out->member("recorded", get(w.recorded)).member("recorded_bytes", get(w.recorded_bytes));
  out->member("file_bytes", get(w.file_bytes)).member("unrecorded", get(r.unrecorded));
  out->member("salvaged", get(w.salvaged)).member("segments", get(w.segments));
  out->member("blocks", get(w.blocks)).member("syncs", get(w.syncs));
  out->member("disk", disk_state_name(static_cast<DiskState>(get(w.disk_state))));
  out->member("disk_errno", get(w.disk_errno)).member("disk_errors", get(w.disk_errors));
  out->member("last_sync_time_ns", get(w.last_sync_time_ns));
  out->key("write_ns").begin_object().member("last", get(w.write_ns_last));
  out->member("max", get(w.write_ns_max)).end_object();
  out->key("sync_ns").begin_object().member("last", get(w.sync_ns_last));
  out->member("max", get(w.sync_ns_max)).end_object();
  out->key("ring").begin_object().member("bytes", get(r.ring_bytes));
  out->member("used", get(r.ring_used)).member("used_max", get(r.ring_used_max)).end_object();
}

void print_latency(const CountersPage& page, JsonWriter* out) {
  const ReceiverCounters& r = page.receiver;
  const Uint max = get(r.latency_max_ns);
  out->key("latency_ns").begin_object();
  print_optional("p50", percentile(r.latency, 500, max), out);
  print_optional("p99", percentile(r.latency, 990, max), out);
  print_optional("p999", percentile(r.latency, 999, max), out);
  out->member("max", max).key("buckets").begin_array();
  for (const Counter& bucket : r.latency) out->value(get(bucket));
  out->end_array().end_object();
}

void print_processes(const CountersPage& page, JsonWriter* out) {
  const ReceiverCounters& r = page.receiver;
  out->member("starts", get(r.starts)).member("start_time_ns", get(r.start_time_ns));
  out->member("writer_starts", get(r.writer_starts)).member("writer_pid", get(page.writer.pid));
  out->member("log_lines_dropped", get(r.log_lines_dropped) + get(page.writer.log_lines_dropped));
  out->member("page_time_ns", page.page_time_ns);
}

void print_rates(const View& view, JsonWriter* out) {
  if (!view.before) return;
  const CountersPage& a = *view.before;
  const CountersPage& b = *view.now;
  auto member = [&](const char* name, Uint before, Uint now) {
    out->member(name, rate(before, now, view.interval_s));
  };
  out->member("interval_s", view.interval_s).key("rates").begin_object();
  member("received", get(a.receiver.received), get(b.receiver.received));
  member("received_bytes", get(a.receiver.received_bytes), get(b.receiver.received_bytes));
  member("relayed", get(a.receiver.streams[0].datagrams), get(b.receiver.streams[0].datagrams));
  member("decimated", decimated_sum(a).datagrams, decimated_sum(b).datagrams);
  member("recorded", get(a.writer.recorded), get(b.writer.recorded));
  member("recorded_bytes", get(a.writer.recorded_bytes), get(b.writer.recorded_bytes));
  member("file_bytes", get(a.writer.file_bytes), get(b.writer.file_bytes));
  out->end_object();
}

}  // namespace

void print_sequence(const ReceiverCounters& receiver, JsonWriter* out) {
  const bool watched = get(receiver.has_sequence) != 0;
  auto member = [&](const char* name, const Counter& count) {
    print_optional(name, watched ? std::optional(get(count)) : std::nullopt, out);
  };
  out->key("sequence").begin_object();
  member("gaps", receiver.sequence.gaps);
  member("lost", receiver.sequence.lost);
  member("duplicates", receiver.sequence.duplicates);
  member("reordered", receiver.sequence.reordered);
  member("resets", receiver.sequence.resets);
  out->end_object();
}

void print_json(const View& view, JsonWriter* out) {
  out->begin_object();
  print_service(view, out);
  print_receiver(*view.now, out);
  print_silence(view, out);
  print_writer(*view.now, out);
  print_latency(*view.now, out);
  print_processes(*view.now, out);
  print_rates(view, out);
  print_troubles(view.name, troubles_of(view), out);
  out->end_object();
}

}  // namespace sdr::status
