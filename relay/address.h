// Numeric socket addresses as text: "10.0.0.7:26000", "[ff15::1]:6000", "10.0.0.0/24".
#pragma once

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <string_view>

namespace sdr {

// An IPv4 or IPv6 address with a port.
struct Address {
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  };
  socklen_t size = 0;

  bool is_v6() const { return any.sa_family == AF_INET6; }
  bool is_multicast() const;
  bool is_wildcard() const;
};

constexpr size_t kAddressTextMax = INET6_ADDRSTRLEN + 8;

// "ADDR:PORT"; false where the text is not one.
bool parse_endpoint(std::string_view text, Address* out);
// "ADDR" without brackets, port 0.
bool parse_address(std::string_view text, Address* out);
// What parse_endpoint reads; `out` gets a NUL-terminated text.
void put_endpoint(const sockaddr* address, char out[kAddressTextMax]);

// A block of sender addresses. IPv4 blocks match IPv4 senders only, IPv6 blocks IPv6 ones.
struct AddressBlock {
  uint8_t bytes[16];
  uint8_t prefix_bits;
  bool v6;

  bool contains(const sockaddr* sender) const;
};
bool parse_block(std::string_view text, AddressBlock* out);

}  // namespace sdr
