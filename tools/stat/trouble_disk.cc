#include "tools/stat/human.h"
#include "tools/stat/trouble_kinds.h"

namespace sdr::status {
namespace {

constexpr uint64_t kSecond_ns = 1'000'000'000;
// A disk that is merely slow syncs late; one that hangs is stalled.
constexpr uint64_t kSyncLate_s = 30;

std::string where(const View& view) {
  return view.fleet && !view.fleet->storage.path.empty() ? " " + view.fleet->storage.path : "";
}

// What the ring still has room for, at the rate of now.
std::string ring_text(const View& view) {
  const ReceiverCounters& r = view.now->receiver;
  const uint64_t bytes = get(r.ring_bytes);
  if (bytes == 0) return "";
  return "; its ring is " + std::to_string(get(r.ring_used) * 100 / bytes) + "% full";
}

// Not of a relay that is gone: what its page says then is old.
void add_state(const View& view, Troubles* out) {
  if (view.service.state == State::kDown) return;
  const WriterCounters& w = view.now->writer;
  const std::string ring = ring_text(view);
  switch (static_cast<DiskState>(get(w.disk_state))) {
    case DiskState::kFull:
      out->push_back({Severity::kNow, "disk",
                      "is not recorded: the disk" + where(view) + " is full" + ring,
                      "make room, or have sdr-prune do it (`retain`, `min_free`)"});
      break;
    case DiskState::kError:
      out->push_back({Severity::kNow, "disk",
                      "is not recorded: " + errno_text(get(w.disk_errno)) + ring,
                      log_name(view) + " and dmesg say more"});
      break;
    case DiskState::kStalled:
      out->push_back({Severity::kNow, "disk",
                      "is not recorded: the disk" + where(view) + " does not answer" + ring,
                      "dmesg says more"});
      break;
    case DiskState::kUnmounted:
      out->push_back({Severity::kNow, "disk",
                      "is not recorded: " +
                          (view.fleet && !view.fleet->storage.mount.empty()
                               ? "nothing is mounted at " + view.fleet->storage.mount
                               : std::string("the storage is not mounted")) +
                          ring,
                      "mount it, and recording goes on by itself"});
      break;
    case DiskState::kOk:
    case DiskState::kOff:
      break;
  }
}

// A disk that answers, but takes less than what comes.
void add_slowness(const View& view, Troubles* out) {
  const ReceiverCounters& r = view.now->receiver;
  const WriterCounters& w = view.now->writer;
  if (view.service.state == State::kDown) return;
  if (get(w.disk_state) != static_cast<uint64_t>(DiskState::kOk)) return;
  if (get(r.ring_bytes) > 0 && get(r.ring_used) > get(r.ring_bytes) / 2)
    out->push_back({Severity::kNow, "ring",
                    "the disk" + where(view) + " takes less than what comes" + ring_text(view),
                    "find out who else uses it, or make record.buffer larger"});
  const Channel* const channel = configured(view);
  const uint64_t late_s =
      kSyncLate_s + (channel && channel->record ? 2 * channel->record->sync_ms / 1000 : 0);
  const uint64_t last_ns = get(w.last_sync_time_ns);
  const Share recorded =
      share_of(view, [](const CountersPage& p) { return get(p.writer.recorded); });
  if (last_ns == 0 || recorded.lately == 0 || view.time_ns < last_ns) return;
  // Nothing to sync where nothing came since.
  if (get(r.last_datagram_time_ns) < last_ns) return;
  if ((view.time_ns - last_ns) / kSecond_ns <= late_s) return;
  out->push_back({Severity::kNow, "sync",
                  "was last synced " + duration_text((view.time_ns - last_ns) / kSecond_ns) +
                      " ago, so that a loss of power would cost so much of it",
                  "find out who else uses the disk" + where(view)});
}

}  // namespace

void add_disk_troubles(const View& view, Troubles* out) {
  add_state(view, out);
  add_slowness(view, out);
  add_event(view, share_of(view, [](const CountersPage& p) { return get(p.receiver.unrecorded); }),
            {"unrecorded", "# were relayed but not recorded @",
             "the ring of " + binary_bytes_text(get(view.now->receiver.ring_bytes)) +
                 " was full: make record.buffer larger, or the disk faster"},
            out);
  add_event(view, share_of(view, [](const CountersPage& p) { return get(p.writer.disk_errors); }),
            {"disk_errors", "writing failed # times @", log_name(view) + " says why"}, out);
}

}  // namespace sdr::status
