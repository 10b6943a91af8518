#include "tools/stat/links.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>
#include <memory>

#include "relay/fd.h"

namespace sdr::status {
namespace {

using Addresses = std::unique_ptr<ifaddrs, void (*)(ifaddrs*)>;

Addresses addresses() {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) list = nullptr;
  return Addresses(list, [](ifaddrs* all) {
    if (all) freeifaddrs(all);
  });
}

std::string text_of(const sockaddr* address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address && address->sa_family == AF_INET)
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, text, sizeof text);
  if (address && address->sa_family == AF_INET6)
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, text,
              sizeof text);
  return text;
}

std::string owner_of(const std::string& address) {
  const Addresses all = addresses();
  for (const ifaddrs* i = all.get(); i; i = i->ifa_next) {
    if (text_of(i->ifa_addr) == address) return i->ifa_name;
  }
  return "";
}

// The address that the route to `to` gives a datagram.
std::string routed_from(const Endpoint& to, std::string* why) {
  sockaddr_storage address = {};
  socklen_t size = to.ipv6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  address.ss_family = to.ipv6 ? AF_INET6 : AF_INET;
  if (to.ipv6) {
    auto* const v6 = reinterpret_cast<sockaddr_in6*>(&address);
    v6->sin6_port = htons(to.port);
    inet_pton(AF_INET6, to.address.c_str(), &v6->sin6_addr);
  } else {
    auto* const v4 = reinterpret_cast<sockaddr_in*>(&address);
    v4->sin_port = htons(to.port);
    inet_pton(AF_INET, to.address.c_str(), &v4->sin_addr);
  }
  const UniqueFd fd(socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd || connect(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    *why = strerror(errno);
    return "";
  }
  return text_of(reinterpret_cast<sockaddr*>(&address));
}

}  // namespace

std::string leaves_by(const std::string& interface, const Endpoint& to, std::string* why) {
  unsigned char binary[sizeof(in6_addr)];
  const bool by_address = inet_pton(AF_INET, interface.c_str(), binary) == 1 ||
                          inet_pton(AF_INET6, interface.c_str(), binary) == 1;
  if (!interface.empty() && !by_address) return interface;
  const std::string address = by_address ? interface : routed_from(to, why);
  if (address.empty()) return "";
  const std::string name = owner_of(address);
  if (name.empty()) *why = "no interface has the address " + address;
  return name;
}

Link look_at_link(const std::string& interface) {
  Link link;
  ifreq request = {};
  if (interface.size() >= sizeof request.ifr_name) return link;
  strcpy(request.ifr_name, interface.c_str());
  const UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd || ioctl(fd.get(), SIOCGIFFLAGS, &request) != 0) return link;
  link.is_there = true;
  const auto flags = static_cast<unsigned short>(request.ifr_flags);
  link.is_up = (flags & IFF_UP) && (flags & IFF_RUNNING);
  link.is_loopback = flags & IFF_LOOPBACK;
  // ETHTOOL_GSET is what every kernel from 3.10 on answers; newer ones translate.
  ethtool_cmd command = {};
  command.cmd = ETHTOOL_GSET;
  request.ifr_data = reinterpret_cast<char*>(&command);
  if (ioctl(fd.get(), SIOCETHTOOL, &request) != 0) return link;
  const uint32_t mbit_per_s = ethtool_cmd_speed(&command);
  if (mbit_per_s != 0 && mbit_per_s != static_cast<uint32_t>(SPEED_UNKNOWN) && mbit_per_s != 65535)
    link.bits_per_s = uint64_t{mbit_per_s} * 1'000'000;
  return link;
}

}  // namespace sdr::status
