#include "relay/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

namespace sdr {
namespace {

// A decimal number from 0 to `most`, digits only; -1 where it is not one.
int parse_number(std::string_view text, int most) {
  if (text.empty() || text.size() > 5) return -1;
  int value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value <= most ? value : -1;
}

// string_view::substr can throw, and the relay links nothing that does.
std::string_view after(std::string_view text, size_t from) {
  return {text.data() + from, text.size() - from};
}

}  // namespace

bool Address::is_multicast() const {
  return is_v6() ? IN6_IS_ADDR_MULTICAST(&v6.sin6_addr) : IN_MULTICAST(ntohl(v4.sin_addr.s_addr));
}

bool Address::is_wildcard() const {
  return is_v6() ? IN6_IS_ADDR_UNSPECIFIED(&v6.sin6_addr) : v4.sin_addr.s_addr == 0;
}

bool parse_address(std::string_view text, Address* out) {
  char copy[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof copy) return false;
  memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  *out = {};
  if (inet_pton(AF_INET, copy, &out->v4.sin_addr) == 1) {
    out->v4.sin_family = AF_INET;
    out->size = sizeof out->v4;
    return true;
  }
  if (inet_pton(AF_INET6, copy, &out->v6.sin6_addr) == 1) {
    out->v6.sin6_family = AF_INET6;
    out->size = sizeof out->v6;
    return true;
  }
  return false;
}

bool parse_endpoint(std::string_view text, Address* out) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  const int port = parse_number(after(text, colon + 1), 65535);
  std::string_view host(text.data(), colon);
  const bool brackets = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (brackets) host = {host.data() + 1, host.size() - 2};
  if (port < 0 || !parse_address(host, out) || out->is_v6() != brackets) return false;
  (out->is_v6() ? out->v6.sin6_port : out->v4.sin_port) = htons(static_cast<uint16_t>(port));
  return true;
}

void put_endpoint(const sockaddr* address, char out[kAddressTextMax]) {
  char host[INET6_ADDRSTRLEN] = "?";
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6;
    memcpy(&v6, address, sizeof v6);
    inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof host);
    snprintf(out, kAddressTextMax, "[%s]:%u", host, ntohs(v6.sin6_port));
  } else if (address->sa_family == AF_INET) {
    sockaddr_in v4;
    memcpy(&v4, address, sizeof v4);
    inet_ntop(AF_INET, &v4.sin_addr, host, sizeof host);
    snprintf(out, kAddressTextMax, "%s:%u", host, ntohs(v4.sin_port));
  } else {
    snprintf(out, kAddressTextMax, "?");
  }
}

bool parse_block(std::string_view text, AddressBlock* out) {
  const size_t slash = text.find('/');
  Address address;
  if (!parse_address({text.data(), slash < text.size() ? slash : text.size()}, &address))
    return false;
  out->v6 = address.is_v6();
  const int bits_max = out->v6 ? 128 : 32;
  const int bits =
      slash == std::string_view::npos ? bits_max : parse_number(after(text, slash + 1), bits_max);
  if (bits < 0) return false;
  out->prefix_bits = static_cast<uint8_t>(bits);
  memset(out->bytes, 0, sizeof out->bytes);
  if (out->v6) {
    memcpy(out->bytes, &address.v6.sin6_addr, 16);
  } else {
    memcpy(out->bytes, &address.v4.sin_addr, 4);
  }
  return true;
}

bool AddressBlock::contains(const sockaddr* sender) const {
  if (sender->sa_family != (v6 ? AF_INET6 : AF_INET)) return false;
  uint8_t other[16];
  const char* raw = reinterpret_cast<const char*>(sender);
  if (v6) {
    memcpy(other, raw + offsetof(sockaddr_in6, sin6_addr), 16);
  } else {
    memcpy(other, raw + offsetof(sockaddr_in, sin_addr), 4);
  }
  const size_t whole = prefix_bits / 8;
  if (memcmp(bytes, other, whole) != 0) return false;
  const unsigned rest = prefix_bits % 8;
  return rest == 0 || ((bytes[whole] ^ other[whole]) >> (8 - rest)) == 0;
}

}  // namespace sdr
