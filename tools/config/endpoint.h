// Addresses as the config writes them: "10.0.0.7:26000", "[ff15::1]:6000", "10.0.0.0/24". Pure.
//
// Each reader takes numeric addresses only, gives them in their canonical form (inet_ntop), and on
// failure says in *error what is wrong and what would be right.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tools/config/config.h"

namespace sdr {

bool read_endpoint(std::string_view text, Endpoint* out, std::string* error);

// An address without a port; of `out` the port stays 0.
bool read_address(std::string_view text, Endpoint* out, std::string* error);

// A block of addresses; a lone address is a block of one. Bits set outside of the prefix are an
// error.
bool read_block(std::string_view text, std::string* canonical, bool* ipv6, std::string* error);

// Whether a socket bound to `listen` receives what is sent to `to`, as far as addresses alone can
// tell.
bool reaches(const Endpoint& to, const Endpoint& listen);

}  // namespace sdr
