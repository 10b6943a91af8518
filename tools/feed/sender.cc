#include "tools/feed/sender.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/udp.h>
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

constexpr size_t kBurst = 64;     // messages of a system call …
constexpr size_t kPieces = 256;   // … and datagrams
constexpr size_t kSegments = 64;  // of a message, as kernels before 6.9 have it
constexpr size_t kDatagramBytes = 65507;
constexpr int kUdpSegment = 103;  // linux/udp.h, 4.18 and later
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

void put_segment(char* control, size_t size, msghdr* message) {
  const uint16_t bytes = static_cast<uint16_t>(size);
  message->msg_control = control;
  message->msg_controllen = CMSG_SPACE(sizeof bytes);
  cmsghdr* const header = CMSG_FIRSTHDR(message);
  header->cmsg_level = SOL_UDP;
  header->cmsg_type = kUdpSegment;
  header->cmsg_len = CMSG_LEN(sizeof bytes);
  std::memcpy(CMSG_DATA(header), &bytes, sizeof bytes);
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
  // A kernel that does not know it would send all segments as one datagram.
  const int none = 0;
  if (setsockopt(fd_, SOL_UDP, kUdpSegment, &none, sizeof none) == 0)
    segment_bytes_max_ = kDatagramBytes;
}

Sender::~Sender() {
  if (fd_ >= 0) close(fd_);
}

// How many at the front leave as one message.
size_t Sender::run_at(std::span<const Datagram> datagrams, size_t run_max) const {
  const size_t size = datagrams[0].size();
  if (size == 0 || size > segment_bytes_max_) return 1;
  const size_t most = std::min({run_max, kSegments, kDatagramBytes / size, datagrams.size()});
  size_t run = 1;
  while (run < most && datagrams[run].size() == size) ++run;
  return run;
}

void Sender::send(std::span<const Datagram> datagrams) {
  iovec pieces[kPieces];
  mmsghdr messages[kBurst];
  size_t runs[kBurst];
  alignas(cmsghdr) char controls[kBurst][CMSG_SPACE(sizeof(uint16_t))];
  for (size_t at = 0; at < datagrams.size() && !*stopped_;) {
    unsigned burst = 0;
    for (size_t next = at, used = 0; next < datagrams.size() && burst < kBurst && used < kPieces;) {
      const size_t run = run_at(datagrams.subspan(next), kPieces - used);
      mmsghdr& message = messages[burst];
      message = {};
      message.msg_hdr.msg_iov = pieces + used;
      message.msg_hdr.msg_iovlen = run;
      if (run > 1) put_segment(controls[burst], datagrams[next].size(), &message.msg_hdr);
      for (size_t i = 0; i < run; ++i, ++next)
        pieces[used++] = {const_cast<uint8_t*>(datagrams[next].data()), datagrams[next].size()};
      runs[burst++] = run;
    }
    const int sent = sendmmsg(fd_, messages, burst, 0);
    if (sent <= 0) settle_error(errno, runs[0], datagrams[at].size(), &at);
    for (int i = 0; i < sent; ++i) {
      for (const size_t end = at + runs[i]; at < end; ++at) {
        counts_.bytes += datagrams[at].size();
        ++counts_.datagrams;
      }
    }
  }
}

// Of the message at the front, which is of `first_run` datagrams of `first_size` bytes.
void Sender::settle_error(int sys_errno, size_t first_run, size_t first_size, size_t* at) {
  if (sys_errno == ECONNREFUSED) ++counts_.refused;
  if (sys_errno == EINTR || sys_errno == ECONNREFUSED) return;  // neither has cost a datagram
  if (sys_errno == EAGAIN || sys_errno == ENOBUFS) {
    // ENOBUFS is a full queue of the interface; poll() would not know of it.
    const timespec pause = {0, kFullWaitNs};
    nanosleep(&pause, nullptr);
    return;
  }
  const bool is_refused =
      sys_errno == EMSGSIZE || sys_errno == EINVAL || sys_errno == EIO || sys_errno == EOPNOTSUPP;
  if (first_run > 1 && is_refused) {
    // Segments must fit the route's MTU, and some devices take none: plainly, from this size on.
    segment_bytes_max_ = first_size - 1;
    return;
  }
  counts_.last_errno = sys_errno;
  counts_.errors += first_run;
  *at += first_run;
}

void Sender::send(const std::vector<std::string>& datagrams) {
  std::vector<Datagram> views;
  views.reserve(datagrams.size());
  for (const std::string& datagram : datagrams)
    views.emplace_back(reinterpret_cast<const uint8_t*>(datagram.data()), datagram.size());
  send(views);
}

}  // namespace sdr
