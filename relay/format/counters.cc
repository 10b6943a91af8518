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

}  // namespace sdr
