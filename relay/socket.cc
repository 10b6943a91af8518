#include "relay/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/utsname.h>

#include <utility>

#include "relay/bind.h"
#include "relay/lines.h"
#include "relay/log.h"
#include "relay/membership.h"
#include "relay/number.h"
#include "relay/udp_options.h"

#ifndef IP_MULTICAST_ALL
#define IP_MULTICAST_ALL 49
#endif
#ifndef IPV6_MULTICAST_ALL
#define IPV6_MULTICAST_ALL 29
#endif
#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

namespace sdr {
namespace {

// linux/sock_diag.h, which musl does not bring. Newer kernels have more of them; the drops are the
// ninth.
constexpr size_t kMeminfoCount = 9;
constexpr size_t kMeminfoDrops = 8;

constexpr int kAnswersBytes = 16384;

template <typename T>
bool set_option(int fd, int level, int name, const T& value) {
  return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

// The index of the interface that holds IPv6 address `wanted`, or 0. Lines of /proc/net/if_inet6
// begin with the address in 32 hexadecimal digits and the index in two or more.
unsigned interface_of_v6(const in6_addr& wanted) {
  char prefix[34];
  put_hex(wanted, prefix);
  prefix[32] = ' ';
  prefix[33] = '\0';
  unsigned index = 0;
  (void)for_each_line("/proc/net/if_inet6", [&](const char* line) {
    if (strncmp(line, prefix, 33) != 0) return;
    std::string_view rest = line + 33;
    uint64_t number;
    if (take_number(&rest, 16, &number)) index = static_cast<unsigned>(number);
  });
  return index;
}

// Linux 5.0 has UDP_GRO; before 5.12 recvmsg could be wrong about what it had merged.
bool has_sound_gro() {
  utsname system;
  uint64_t major, minor;
  if (uname(&system) < 0) return false;
  std::string_view release = system.release;
  if (!take_number(&release, 10, &major) || !release.starts_with('.')) return false;
  release.remove_prefix(1);
  return take_number(&release, 10, &minor) && (major > 5 || (major == 5 && minor >= 12));
}

// A held socket comes as another version may have left it, so what is off is switched off.
Status set_receive_options(int fd) {
  const int on = 1;
  const int off = 0;
  const int merged = has_sound_gro();
  (void)set_option(fd, IPPROTO_UDP, UDP_GRO, merged);
  (void)set_option(fd, SOL_SOCKET, SO_TIMESTAMPING, off);
  if (!set_option(fd, SOL_SOCKET, SO_TIMESTAMPNS, on)) return Error{"no receive time", errno};
  if (!set_receive_timeout(fd, 1000000000))
    return Error{"unable to set the receive time-out", errno};
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0)
    return Error{"unable to make the socket blocking", errno};
  return {};
}

}  // namespace

Result<ReceiveSocket> open_receive_socket(const Options& options) {
  ReceiveSocket out;
  const ReceiveBind wanted = {options.listen, options.listen_interface};
  if (options.listen_fd >= 0) {
    out.fd.reset(options.listen_fd);
    // EPERM: whoever bound it has seen to its interface, and may have had to do without.
    if (Status s = bind_to_interface(out.fd.get(), wanted); !s && s.error().sys_errno != EPERM)
      return s.error();
    if (is_bound_to_removed(out.fd.get())) return Error{"its interface was removed", ENODEV};
  } else {
    Result<BoundSocket> bound = bind_receive_socket(wanted);
    if (!bound) return bound.error();
    if (bound->on_every_interface) {
      log_errno("warning", EPERM, "unable to bind to interface %s; listening on all of them",
                options.listen_interface);
    }
    out.fd = std::move(bound->fd);
  }
  const int fd = out.fd.get();
  if (options.listen.is_multicast()) {
    if (Status s = join_at_start(fd, options); !s) return s.error();
  }
  out.buffer_granted = set_receive_buffer(fd, options.receive_buffer_bytes);
  if (Status s = set_receive_options(fd); !s) return s.error();
  // Without this, a socket on a wildcard address hears every group that anyone on the host has
  // joined on its port. IPv6 has it since Linux 4.20.
  const bool v6 = options.listen.is_v6();
  const int off = 0;
  const bool silent = set_option(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP,
                                 v6 ? IPV6_MULTICAST_ALL : IP_MULTICAST_ALL, off);
  out.hears_strangers = !silent && options.listen.is_wildcard();
  struct stat status;
  if (fstat(fd, &status) < 0) return Error{"unable to stat the socket", errno};
  out.inode = status.st_ino;
  uint32_t memory[kMeminfoCount];
  socklen_t size = sizeof memory;
  out.has_meminfo = getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &size) == 0;
  const int overflow = !out.has_meminfo;
  (void)set_option(fd, SOL_SOCKET, SO_RXQ_OVFL, overflow);
  return out;
}

void say_what_is_lacking(const ReceiveSocket& socket, bool has_segments) {
  const bool all = has_segments && socket.has_meminfo && !socket.hears_strangers;
  if (all) return;
  log_line("info", "this kernel is older than%s%s%s; done without",
           has_segments ? "" : " UDP_SEGMENT (Linux 4.18)",
           socket.has_meminfo ? "" : " SO_MEMINFO (4.12)",
           socket.hears_strangers ? " IPV6_MULTICAST_ALL (4.20)" : "");
}

bool set_receive_timeout(int fd, int64_t timeout_ns) {
  timeval timeout = {};
  timeout.tv_sec = static_cast<time_t>(timeout_ns / 1000000000);
  timeout.tv_usec = static_cast<suseconds_t>(timeout_ns % 1000000000 / 1000);
  return set_option(fd, SOL_SOCKET, SO_RCVTIMEO, timeout);
}

bool is_empty(int fd) {
  char byte;
  return recv(fd, &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

uint32_t socket_drops(int fd) {
  uint32_t memory[kMeminfoCount] = {};
  socklen_t size = sizeof memory;
  getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &size);
  return memory[kMeminfoDrops];
}

namespace {

// `interface` is an address of this host: the streams leave where it lives, and carry it as their
// source.
Status leave_from_address(int fd, Address from, const Address& to) {
  if (bind(fd, &from.any, from.size) < 0) return Error{"unable to bind to the interface", errno};
  if (!to.is_multicast()) return {};
  if (to.is_v6()) {
    const int index = static_cast<int>(interface_of_v6(from.v6.sin6_addr));
    if (index == 0) return Error{"unable to find the interface", ENODEV};
    if (!set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, index))
      return Error{"unable to set the interface", errno};
  } else if (!set_option(fd, IPPROTO_IP, IP_MULTICAST_IF, from.v4.sin_addr)) {
    return Error{"unable to set the interface", errno};
  }
  return {};
}

Status leave_from_interface(int fd, unsigned index, const Address& to) {
  bool set;
  if (!to.is_multicast()) {
    // In network byte order, and without privilege (Linux 3.4).
    const uint32_t wire = htonl(index);
    set = to.is_v6() ? set_option(fd, IPPROTO_IPV6, IPV6_UNICAST_IF, wire)
                     : set_option(fd, IPPROTO_IP, IP_UNICAST_IF, wire);
  } else if (to.is_v6()) {
    set = set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, static_cast<int>(index));
  } else {
    ip_mreqn request = {};
    request.imr_ifindex = static_cast<int>(index);
    set = set_option(fd, IPPROTO_IP, IP_MULTICAST_IF, request);
  }
  if (!set) return Error{"unable to set the interface", errno};
  return {};
}

}  // namespace

Result<UniqueFd> open_send_socket(const Options& options, const Address& to, unsigned* index) {
  UniqueFd fd(socket(to.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return Error{"unable to make a socket", errno};
  if (options.interface) {
    Address from;
    if (parse_address(options.interface, &from)) {
      if (Status s = leave_from_address(fd.get(), from, to); !s) return s.error();
    } else {
      Result<unsigned> found = interface_index(options.interface);
      if (!found) return found.error();
      *index = *found;
      if (Status s = leave_from_interface(fd.get(), *index, to); !s) return s.error();
    }
  }
  const int level = to.is_v6() ? IPPROTO_IPV6 : IPPROTO_IP;
  const int tos = options.dscp << 2;  // the lower two bits are ECN's
  const int loop = options.loopback;
  bool set = set_option(fd.get(), level, to.is_v6() ? IPV6_TCLASS : IP_TOS, tos);
  if (to.is_multicast()) {  // a unicast stream keeps the host's own time to live
    set = set &&
          set_option(fd.get(), level, to.is_v6() ? IPV6_MULTICAST_HOPS : IP_MULTICAST_TTL,
                     options.ttl) &&
          set_option(fd.get(), level, to.is_v6() ? IPV6_MULTICAST_LOOP : IP_MULTICAST_LOOP, loop);
  }
  if (!set) return Error{"unable to set ttl, dscp or loopback", errno};
  const int on = 1;
  (void)set_option(fd.get(), level, to.is_v6() ? IPV6_RECVERR : IP_RECVERR, on);
  // Answers are read, what else is sent to this port is not.
  (void)set_option(fd.get(), SOL_SOCKET, SO_RCVBUF, kAnswersBytes);
  return fd;
}

bool has_udp_segment(int fd) {
  const int off = 0;
  return set_option(fd, IPPROTO_UDP, UDP_SEGMENT, off);
}

}  // namespace sdr
