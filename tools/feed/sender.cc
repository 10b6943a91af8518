#include "tools/feed/sender.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>

namespace sdr {
namespace {

constexpr size_t kBurst = 64;
constexpr long kFullWaitNs = 200000;

[[noreturn]] void fail(const std::string& what, int sys_errno) {
  throw std::runtime_error(what + ": " + std::strerror(sys_errno));
}

struct InfoRelease {
  void operator()(addrinfo* info) const { freeaddrinfo(info); }
};
using InfoPtr = std::unique_ptr<addrinfo, InfoRelease>;

InfoPtr resolve(const std::string& destination) {
  const size_t colon = destination.rfind(':');
  std::string host = destination.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != host.npos) {
    host.clear();  // an IPv6 address without brackets: where would its port begin?
  }
  if (colon == destination.npos || host.empty())
    throw std::invalid_argument("'" + destination +
                                "' is no destination; write ADDR:PORT or [ADDR]:PORT");
  addrinfo hints = {};
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int wrong = getaddrinfo(host.c_str(), destination.c_str() + colon + 1, &hints, &found);
  if (wrong != 0) throw std::invalid_argument(destination + ": " + gai_strerror(wrong));
  return InfoPtr(found);
}

template <typename T>
void set_option(int fd, int level, int name, const T& value, const std::string& what) {
  if (setsockopt(fd, level, name, &value, sizeof value) < 0) fail("unable to set " + what, errno);
}

void set_interface(int fd, bool v6, const std::string& interface) {
  in_addr address;
  if (!v6 && inet_pton(AF_INET, interface.c_str(), &address) == 1) {
    set_option(fd, IPPROTO_IP, IP_MULTICAST_IF, address, "interface " + interface);
    return;
  }
  const int index = static_cast<int>(if_nametoindex(interface.c_str()));
  if (index == 0) fail("interface " + interface, ENODEV);
  if (v6) {
    set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, index, "interface " + interface);
  } else {
    ip_mreqn request = {};
    request.imr_ifindex = index;
    set_option(fd, IPPROTO_IP, IP_MULTICAST_IF, request, "interface " + interface);
  }
}

void bind_port(int fd, bool v6, uint16_t port) {
  sockaddr_in6 any6 = {};
  any6.sin6_family = AF_INET6;
  any6.sin6_port = htons(port);
  sockaddr_in any4 = {};
  any4.sin_family = AF_INET;
  any4.sin_port = htons(port);
  const sockaddr* address =
      v6 ? reinterpret_cast<const sockaddr*>(&any6) : reinterpret_cast<const sockaddr*>(&any4);
  if (bind(fd, address, v6 ? sizeof any6 : sizeof any4) < 0)
    fail("unable to send from port " + std::to_string(port), errno);
}

}  // namespace

Sender::Sender(const FeedOptions& options, const volatile sig_atomic_t* stopped)
    : stopped_(stopped) {
  const InfoPtr to = resolve(options.destination);
  const bool v6 = to->ai_family == AF_INET6;
  fd_ = socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd_ < 0) fail("unable to make a socket", errno);
  if (!options.interface.empty()) set_interface(fd_, v6, options.interface);
  if (options.ttl >= 0)
    set_option(fd_, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MULTICAST_HOPS : IP_MULTICAST_TTL,
               options.ttl, "ttl");
  if (options.source_port != 0) bind_port(fd_, v6, options.source_port);
  if (connect(fd_, to->ai_addr, to->ai_addrlen) < 0)
    fail("unable to reach " + options.destination, errno);
}

Sender::~Sender() {
  if (fd_ >= 0) close(fd_);
}

void Sender::send(const std::vector<std::string>& datagrams) {
  iovec pieces[kBurst];
  mmsghdr messages[kBurst];
  for (size_t at = 0; at < datagrams.size() && !*stopped_;) {
    const size_t burst = std::min(kBurst, datagrams.size() - at);
    for (size_t i = 0; i < burst; ++i) {
      const std::string& datagram = datagrams[at + i];
      pieces[i] = {const_cast<char*>(datagram.data()), datagram.size()};
      messages[i] = {};
      messages[i].msg_hdr.msg_iov = &pieces[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    const int sent = sendmmsg(fd_, messages, static_cast<unsigned>(burst), 0);
    if (sent > 0) {
      for (int i = 0; i < sent; ++i) counts_.bytes += pieces[i].iov_len;
      counts_.datagrams += static_cast<uint64_t>(sent);
      at += static_cast<size_t>(sent);
      continue;
    }
    if (errno == ECONNREFUSED) ++counts_.refused;
    if (errno == EINTR || errno == ECONNREFUSED) continue;  // neither has cost a datagram
    if (errno == EAGAIN || errno == ENOBUFS) {
      // ENOBUFS is a full queue of the interface; poll() would not know of it.
      const timespec pause = {0, kFullWaitNs};
      nanosleep(&pause, nullptr);
      continue;
    }
    counts_.last_errno = errno;
    ++counts_.errors;
    ++at;
  }
}

}  // namespace sdr
