// Whether a channel's relay is up: as its supervisor says, or by its process where there is none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "relay/format/counters.h"

namespace sdr::status {

enum class State : uint8_t { kUp, kStarting, kDown };
const char* state_name(State state);  // "up", "starting", "down"

enum class Keeper : uint8_t { kNone, kS6, kRunit };

// How a process ended: by a signal, else with a code.
struct Death {
  int code = 0;
  int signal = 0;
  bool operator==(const Death&) const = default;
};

struct Service {
  State state = State::kDown;
  Keeper keeper = Keeper::kNone;  // who answers for it
  bool wanted_up = false;         // by the supervisor
  bool gave_up = false;  // the relay cannot run as it is configured, and is not tried again
  std::optional<uint64_t> for_s;  // how long it has been up or down, where that is known
  int64_t pid = 0;                // of the receiver, while it is up
  std::string dir;                // its service directory, where it has one
  std::string log;                // the directory its logger writes to, where that is known
  std::optional<Death> last_end;  // of the relay before this one, where that is known
  uint32_t crashes = 0;           // within kLately_s: ends that nobody asked for
  uint64_t memory_kills = 0;      // of its processes, by its control group, since it came up
  bool supervised() const { return keeper != Keeper::kNone; }
};

constexpr uint64_t kLately_s = 120;

// What the supervisor of RUN/service/NAME or RUN/live/NAME says, or where there is none, the
// process that the page names, if it is there and a sdr-relay. `now_ns` is since the epoch.
Service find_service(const std::string& run, const std::string& name, const CountersPage& page,
                     uint64_t now_ns);

}  // namespace sdr::status
