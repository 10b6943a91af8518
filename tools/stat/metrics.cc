#include "tools/stat/metrics.h"

namespace sdr::status {
namespace {

constexpr Metric kCounters[] = {
    {"received_datagrams_total", "Datagrams received, rejected ones included.",
     [](const CountersPage& p) { return get(p.receiver.received); }},
    {"received_bytes_total", "Bytes of the datagrams received.",
     [](const CountersPage& p) { return get(p.receiver.received_bytes); }},
    {"relayed_datagrams_total", "Datagrams sent to the full-rate stream.",
     [](const CountersPage& p) { return get(p.receiver.streams[0].datagrams); }},
    {"relayed_bytes_total", "Bytes sent to the full-rate stream.",
     [](const CountersPage& p) { return get(p.receiver.streams[0].bytes); }},
    {"kernel_dropped_datagrams_total", "Datagrams that the receive buffer had no room for.",
     [](const CountersPage& p) { return get(p.receiver.kernel_drops); }},
    {"stale_datagrams_total", "Datagrams not relayed, for they had waited too long.",
     [](const CountersPage& p) { return get(p.receiver.stale); }},
    {"receive_errors_total", "Receive calls that failed.",
     [](const CountersPage& p) { return get(p.receiver.receive_errors); }},
    {"unrecorded_datums_total", "Datums relayed but not recorded, for the ring had no room.",
     [](const CountersPage& p) { return get(p.receiver.unrecorded); }},
    {"recorded_datums_total", "Datums recorded.",
     [](const CountersPage& p) { return get(p.writer.recorded); }},
    {"recorded_bytes_total", "Bytes of the datums recorded.",
     [](const CountersPage& p) { return get(p.writer.recorded_bytes); }},
    {"segment_bytes_total", "Bytes written to segments, framing included.",
     [](const CountersPage& p) { return get(p.writer.file_bytes); }},
    {"salvaged_datums_total", "Datums recorded for a receiver that was killed.",
     [](const CountersPage& p) { return get(p.writer.salvaged); }},
    {"blocks_total", "Blocks written.", [](const CountersPage& p) { return get(p.writer.blocks); }},
    {"syncs_total", "Syncs of segments to the disk.",
     [](const CountersPage& p) { return get(p.writer.syncs); }},
    {"segments_total", "Segments sealed.",
     [](const CountersPage& p) { return get(p.writer.segments); }},
    {"disk_errors_total", "Failed attempts to write, sync or make a file.",
     [](const CountersPage& p) { return get(p.writer.disk_errors); }},
    {"rejects_kept_total", "Rejected datagrams kept on disk.",
     [](const CountersPage& p) { return get(p.writer.rejects_kept); }},
    {"rejects_not_kept_total", "Rejected datagrams counted but not kept.",
     [](const CountersPage& p) {
       return get(p.receiver.rejects_not_kept) + get(p.writer.rejects_not_kept);
     }},
    {"silences_total", "Silences longer than the channel's limit.",
     [](const CountersPage& p) { return get(p.receiver.silences); }},
    {"clock_steps_total", "Times that the wall clock was set.",
     [](const CountersPage& p) { return get(p.receiver.clock_steps); }},
    {"starts_total", "Starts of the receiver.",
     [](const CountersPage& p) { return get(p.receiver.starts); }},
    {"writer_starts_total", "Starts of the writer.",
     [](const CountersPage& p) { return get(p.receiver.writer_starts); }},
    {"log_lines_dropped_total", "Log lines that the logger did not take in time.",
     [](const CountersPage& p) {
       return get(p.receiver.log_lines_dropped) + get(p.writer.log_lines_dropped);
     }},
};

constexpr Metric kSequence[] = {
    {"sequence_gaps_total", "Runs of sequence numbers that never came.",
     [](const CountersPage& p) { return get(p.receiver.sequence.gaps); }},
    {"sequence_lost_total", "Sequence numbers that never came.",
     [](const CountersPage& p) { return get(p.receiver.sequence.lost); }},
    {"sequence_duplicates_total", "Datums with a sequence number that had come before.",
     [](const CountersPage& p) { return get(p.receiver.sequence.duplicates); }},
    {"sequence_reordered_total", "Datums that came behind one with a later sequence number.",
     [](const CountersPage& p) { return get(p.receiver.sequence.reordered); }},
    {"sequence_resets_total", "Times that the source began its numbers anew.",
     [](const CountersPage& p) { return get(p.receiver.sequence.resets); }},
};

constexpr Metric kBytes[] = {
    {"receive_buffer_asked_bytes", "Receive buffer asked for.",
     [](const CountersPage& p) { return get(p.receiver.receive_buffer_asked); }},
    {"receive_buffer_granted_bytes",
     "Receive buffer granted: twice what is asked where the kernel grants it all.",
     [](const CountersPage& p) { return get(p.receiver.receive_buffer_granted); }},
    {"ring_bytes", "Room between receiver and writer.",
     [](const CountersPage& p) { return get(p.receiver.ring_bytes); }},
    {"ring_used_bytes", "Bytes that wait for the writer.",
     [](const CountersPage& p) { return get(p.receiver.ring_used); }},
    {"ring_used_max_bytes", "The most that ever waited for the writer.",
     [](const CountersPage& p) { return get(p.receiver.ring_used_max); }},
};

constexpr Metric kSeconds[] = {
    {"page_created_timestamp_seconds", "When the counters began, since the epoch.",
     [](const CountersPage& p) { return p.page_time_ns; }},
    {"start_timestamp_seconds", "When the receiver was started, since the epoch.",
     [](const CountersPage& p) { return get(p.receiver.start_time_ns); }},
    {"last_datagram_timestamp_seconds", "When the last datagram came, since the epoch; 0: never.",
     [](const CountersPage& p) { return get(p.receiver.last_datagram_time_ns); }},
    {"last_sync_timestamp_seconds", "When a segment was last synced, since the epoch; 0: never.",
     [](const CountersPage& p) { return get(p.writer.last_sync_time_ns); }},
    {"silence_limit_seconds", "Longer without a datagram is trouble; 0: it never is.",
     [](const CountersPage& p) { return get(p.receiver.silence_ns); }},
    {"write_max_seconds", "The longest that a write to the disk took.",
     [](const CountersPage& p) { return get(p.writer.write_ns_max); }},
    {"sync_max_seconds", "The longest that a sync to the disk took.",
     [](const CountersPage& p) { return get(p.writer.sync_ns_max); }},
    {"relay_latency_max_seconds", "The longest from the kernel's receive time to the send.",
     [](const CountersPage& p) { return get(p.receiver.latency_max_ns); }},
};

}  // namespace

std::span<const Metric> counter_metrics() { return kCounters; }
std::span<const Metric> sequence_metrics() { return kSequence; }
std::span<const Metric> byte_metrics() { return kBytes; }
std::span<const Metric> time_metrics() { return kSeconds; }

}  // namespace sdr::status
