// The network interfaces that streams leave by.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tools/config/config.h"

namespace sdr::status {

// By which interface a datagram to `to` leaves: `interface` is its name, an address of it, or empty
// where the route decides. Empty with *why: by none.
std::string leaves_by(const std::string& interface, const Endpoint& to, std::string* why);

struct Link {
  bool is_there = false;
  bool is_up = false;  // administratively, and with a carrier
  bool is_loopback = false;
  std::optional<uint64_t> bits_per_s;  // where the driver says it
};
Link look_at_link(const std::string& interface);

}  // namespace sdr::status
