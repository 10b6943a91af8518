#include "tools/config/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "tools/config/diagnostic.h"

namespace sdr {
namespace {

struct RawAddress {
  uint8_t bytes[16] = {};
  bool ipv6 = false;
};

bool parse_raw(std::string_view text, RawAddress* out) {
  char copy[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof copy || text.find('\0') != std::string_view::npos) return false;
  memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  out->ipv6 = inet_pton(AF_INET6, copy, out->bytes) == 1;
  return out->ipv6 || inet_pton(AF_INET, copy, out->bytes) == 1;
}

std::string canonical_text(const RawAddress& raw) {
  char text[INET6_ADDRSTRLEN];
  return inet_ntop(raw.ipv6 ? AF_INET6 : AF_INET, raw.bytes, text, sizeof text);
}

void describe(const RawAddress& raw, Endpoint* out) {
  out->address = canonical_text(raw);
  out->ipv6 = raw.ipv6;
  if (raw.ipv6) {
    in6_addr address;
    memcpy(&address, raw.bytes, sizeof address);
    out->multicast = IN6_IS_ADDR_MULTICAST(&address);
    out->wildcard = IN6_IS_ADDR_UNSPECIFIED(&address);
  } else {
    out->multicast = (raw.bytes[0] & 0xf0) == 0xe0;
    out->wildcard = out->address == "0.0.0.0";
  }
}

// Why `host` is no numeric address.
std::string not_numeric(std::string_view host) {
  if (host.empty())
    return "the address is missing; \"0.0.0.0\" is every IPv4 address of this machine";
  const size_t percent = host.find('%');
  RawAddress raw;
  if (percent != std::string_view::npos && parse_raw(host.substr(0, percent), &raw)) {
    return quoted(host) + " names an interface; name it with the key listen_interface or interface";
  }
  if (host == "*") return "'*' is not an address; every IPv4 address is \"0.0.0.0\", IPv6 \"::\"";
  return quoted(host) + " is not a numeric address; write it like \"10.0.0.7\" or \"ff15::1\"";
}

bool parse_port(std::string_view text, uint16_t* port, std::string* error) {
  uint32_t value = 0;
  bool good = !text.empty() && text.size() <= 5;
  for (const char c : text) {
    good = good && c >= '0' && c <= '9';
    if (good) value = value * 10 + static_cast<uint32_t>(c - '0');
  }
  if (!good || value == 0 || value > 65535) {
    *error = quoted(text) + " is not a port; write a number from 1 to 65535";
    return false;
  }
  *port = static_cast<uint16_t>(value);
  return true;
}

bool read_host(std::string_view host, RawAddress* raw, std::string* error) {
  if (!parse_raw(host, raw)) {
    *error = not_numeric(host);
    return false;
  }
  constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (raw->ipv6 && memcmp(raw->bytes, kMapped, sizeof kMapped) == 0) {
    RawAddress v4;
    memcpy(v4.bytes, raw->bytes + 12, 4);
    *error = quoted(host) + " is an IPv4 address within IPv6; write \"" + canonical_text(v4) + "\"";
    return false;
  }
  return true;
}

}  // namespace

std::string Endpoint::text() const {
  return (ipv6 ? "[" + address + "]:" : address + ":") + std::to_string(port);
}

bool read_endpoint(std::string_view text, Endpoint* out, std::string* error) {
  RawAddress raw;
  if (parse_raw(text, &raw)) {
    const std::string fixed = raw.ipv6 ? "[" + std::string(text) + "]" : std::string(text);
    *error = quoted(text) + " has no port; write it like \"" + fixed + ":26000\"";
    return false;
  }
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    *error = quoted(text) + " is not ADDRESS:PORT; write it like \"0.0.0.0:26000\"";
    return false;
  }
  std::string_view host = text.substr(0, colon);
  const bool brackets = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (!text.empty() && text.front() == '[' && text.back() == ']') {
    *error = quoted(text) + " has no port; write it like \"" + printable(text, 64) + ":26000\"";
    return false;
  }
  if (brackets) host = host.substr(1, host.size() - 2);
  Endpoint read;
  if (!read_host(host, &raw, error)) return false;
  if (raw.ipv6 != brackets) {
    *error = raw.ipv6 ? "an IPv6 address with a port stands in brackets; write \"[" +
                            std::string(host) + "]:" + printable(text.substr(colon + 1), 8) + "\""
                      : "brackets are for IPv6; write \"" + std::string(host) + ":" +
                            printable(text.substr(colon + 1), 8) + "\"";
    return false;
  }
  if (!parse_port(text.substr(colon + 1), &read.port, error)) return false;
  describe(raw, &read);
  *out = read;
  return true;
}

bool read_address(std::string_view text, Endpoint* out, std::string* error) {
  RawAddress raw;
  if (!read_host(text, &raw, error)) return false;
  *out = Endpoint();
  describe(raw, out);
  return true;
}

bool read_block(std::string_view text, std::string* canonical, bool* ipv6, std::string* error) {
  const size_t slash = text.find('/');
  RawAddress raw;
  if (!read_host(text.substr(0, slash), &raw, error)) return false;
  const unsigned bits_max = raw.ipv6 ? 128 : 32;
  unsigned bits = bits_max;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    bool good = !digits.empty() && digits.size() <= 3;
    bits = 0;
    for (const char c : digits) {
      good = good && c >= '0' && c <= '9';
      if (good) bits = bits * 10 + static_cast<unsigned>(c - '0');
    }
    if (!good || bits > bits_max) {
      *error = quoted(digits) + " is not a prefix length; write a number from 0 to " +
               std::to_string(bits_max);
      return false;
    }
  }
  RawAddress base = raw;
  for (unsigned bit = bits; bit < bits_max; ++bit) {
    base.bytes[bit / 8] = static_cast<uint8_t>(base.bytes[bit / 8] & ~(0x80u >> (bit % 8)));
  }
  const std::string block = canonical_text(base) + "/" + std::to_string(bits);
  if (memcmp(base.bytes, raw.bytes, sizeof raw.bytes) != 0) {
    *error = quoted(text) + " has bits set past its prefix; did you mean \"" + block + "\"?";
    return false;
  }
  *canonical = block;
  *ipv6 = raw.ipv6;
  return true;
}

bool reaches(const Endpoint& to, const Endpoint& listen) {
  if (to.port != listen.port || to.ipv6 != listen.ipv6) return false;
  return listen.wildcard || to.address == listen.address;
}

}  // namespace sdr
