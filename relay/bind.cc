#include "relay/bind.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <utility>

namespace sdr {
namespace {

bool set_on(int fd, int level, int name) {
  const int on = 1;
  return setsockopt(fd, level, name, &on, sizeof on) == 0;
}

}  // namespace

Result<unsigned> interface_index(const char* name) {
  const unsigned index = if_nametoindex(name);
  if (index == 0) return Error{"unable to find the interface", ENODEV};
  return index;
}

Status bind_to_interface(int fd, const ReceiveBind& wanted) {
  if (!wanted.interface || wanted.listen.is_multicast()) return {};
  if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, wanted.interface,
                 static_cast<socklen_t>(strlen(wanted.interface))) < 0)
    return Error{"unable to bind to the interface", errno};
  return {};
}

bool is_bound_to_removed(int fd) {
  char name[IF_NAMESIZE];
  socklen_t size = sizeof name;
  return getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &size) < 0 && errno == ENODEV;
}

Result<BoundSocket> bind_receive_socket(const ReceiveBind& wanted) {
  BoundSocket out;
  out.fd.reset(socket(wanted.listen.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const int fd = out.fd.get();
  if (fd < 0) return Error{"unable to make a socket", errno};
  if (wanted.listen.is_v6()) (void)set_on(fd, IPPROTO_IPV6, IPV6_V6ONLY);
  // From the first datagram on: in a held socket it may wait long for its relay.
  (void)set_on(fd, SOL_SOCKET, SO_TIMESTAMPNS);
  // Several programs of a host may hear one group; a unicast port is ours alone.
  if (wanted.listen.is_multicast()) (void)set_on(fd, SOL_SOCKET, SO_REUSEADDR);
  if (Status s = bind_to_interface(fd, wanted); !s) {
    if (s.error().sys_errno != EPERM) return s.error();
    out.on_every_interface = true;
  }
  // A group's own address, so that no other group on the port is heard.
  Address address = wanted.listen;
  if (address.is_v6() && address.is_multicast() && wanted.interface) {
    Result<unsigned> index = interface_index(wanted.interface);
    if (!index) return index.error();
    address.v6.sin6_scope_id = *index;
  }
  if (bind(fd, &address.any, address.size) < 0) return Error{"unable to bind", errno};
  return out;
}

namespace {

int get_int(int fd, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  return getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

}  // namespace

uint64_t set_receive_buffer(int fd, uint64_t bytes) {
  const int asked = static_cast<int>(bytes);
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &asked, sizeof asked) < 0) {
    // What an ordinary user would get is tried on another socket: there is no way back from it.
    UniqueFd trial(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    (void)setsockopt(trial.get(), SOL_SOCKET, SO_RCVBUF, &asked, sizeof asked);
    const int usual = get_int(trial.get(), SO_RCVBUF);
    if (usual > get_int(fd, SO_RCVBUF) || usual / 2 >= asked)
      (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &asked, sizeof asked);
  }
  const int granted = get_int(fd, SO_RCVBUF);
  return granted > 0 ? static_cast<uint64_t>(granted) : 0;
}

bool is_bound_to(int fd, const Address& listen, char found[kFoundTextMax]) {
  Address bound = {};
  bound.size = sizeof bound.v6;
  if (getsockname(fd, &bound.any, &bound.size) < 0) {
    snprintf(found, kFoundTextMax, "not a socket");
    return false;
  }
  if ((bound.any.sa_family != AF_INET && !bound.is_v6()) || get_int(fd, SO_TYPE) != SOCK_DGRAM ||
      get_int(fd, SO_PROTOCOL) != IPPROTO_UDP) {
    snprintf(found, kFoundTextMax, "not a UDP socket");
    return false;
  }
  char text[kAddressTextMax];
  put_endpoint(&bound.any, text);
  snprintf(found, kFoundTextMax, "bound to %s", text);
  if (bound.is_v6() != listen.is_v6()) return false;
  if (bound.is_v6())
    return bound.v6.sin6_port == listen.v6.sin6_port &&
           memcmp(&bound.v6.sin6_addr, &listen.v6.sin6_addr, sizeof listen.v6.sin6_addr) == 0;
  return bound.v4.sin_port == listen.v4.sin_port &&
         bound.v4.sin_addr.s_addr == listen.v4.sin_addr.s_addr;
}

}  // namespace sdr
