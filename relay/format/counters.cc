#include "relay/format/counters.h"

namespace sdr {

const char* disk_state_name(DiskState state) {
  switch (state) {
    case DiskState::kOff:
      return "off";
    case DiskState::kOk:
      return "ok";
    case DiskState::kFull:
      return "full";
    case DiskState::kError:
      return "error";
    case DiskState::kStalled:
      return "stalled";
    case DiskState::kUnmounted:
      return "unmounted";
  }
  return "unknown";
}

DiskState disk_state_at(const WriterCounters& writer, uint64_t now_ns) {
  const uint64_t since_ns = get(writer.disk_busy_since_ns);
  if (since_ns != 0 && now_ns > since_ns && now_ns - since_ns >= kDiskStalledNs)
    return DiskState::kStalled;
  return static_cast<DiskState>(get(writer.disk_state));
}

}  // namespace sdr
