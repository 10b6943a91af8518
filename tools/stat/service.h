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

struct Service {
  State state = State::kDown;
  bool supervised = false;
  bool wanted_up = false;         // by the supervisor
  std::optional<uint64_t> for_s;  // how long it has been up or down, where that is known
  int64_t pid = 0;                // of the receiver, while it is up
};

// Reads what `s6-svstat -o up,wantedup,ready,updownfor,pid` prints.
std::optional<Service> parse_svstat(std::string_view text);

// Asks s6-svstat about `service_dir`; absent where no supervisor runs there, or there is no s6.
std::optional<Service> ask_supervisor(const std::string& service_dir);

// By the process that the page names, if it is there and a sdr-relay. `now_ns` is since the epoch.
Service find_process(const CountersPage& page, uint64_t now_ns);

}  // namespace sdr::status
