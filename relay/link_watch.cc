#include "relay/link_watch.h"

#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>

namespace sdr {
namespace {

// linux/netlink.h and linux/rtnetlink.h, which musl does not bring.
constexpr int kNetlinkRoute = 0;
constexpr uint32_t kGroupLink = 0x1;
struct NetlinkAddress {
  uint16_t family;
  uint16_t pad;
  uint32_t port;
  uint32_t groups;
};

}  // namespace

LinkWatch::LinkWatch()
    : fd_(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, kNetlinkRoute)) {
  const int least = 1;
  (void)setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
  const NetlinkAddress address = {AF_NETLINK, 0, 0, kGroupLink};
  if (bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) fd_.reset();
}

bool LinkWatch::changed() {
  if (!fd_) return true;
  bool any = first_;
  first_ = false;
  char head;
  while (recv(fd_.get(), &head, sizeof head, 0) >= 0 || errno == ENOBUFS) any = true;
  return any;
}

}  // namespace sdr
