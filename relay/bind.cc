#include "relay/bind.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
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

Result<BoundSocket> bind_receive_socket(const ReceiveBind& wanted) {
  BoundSocket out;
  out.fd.reset(socket(wanted.listen.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const int fd = out.fd.get();
  if (fd < 0) return Error{"unable to make a socket", errno};
  if (wanted.listen.is_v6()) (void)set_on(fd, IPPROTO_IPV6, IPV6_V6ONLY);
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

uint64_t set_receive_buffer(int fd, uint64_t bytes) {
  const int asked = static_cast<int>(bytes);
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &asked, sizeof asked) < 0)
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &asked, sizeof asked);
  int granted = 0;
  socklen_t size = sizeof granted;
  getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &granted, &size);
  return static_cast<uint64_t>(granted);
}

}  // namespace sdr
