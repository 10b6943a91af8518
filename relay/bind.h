// How a receive socket is made and bound: by sdr-confine, which parks it, or by sdr-relay where
// nobody holds it.
#pragma once

#include <stdint.h>

#include "relay/address.h"
#include "relay/fd.h"
#include "relay/format/result.h"

namespace sdr {

struct ReceiveBind {
  Address listen;
  const char* interface = nullptr;  // null: all of them
};

struct BoundSocket {
  UniqueFd fd;
  bool on_every_interface = false;  // `interface` was refused, with EPERM
};

// Groups are not joined here: that is done anew at every start of a relay.
Result<BoundSocket> bind_receive_socket(const ReceiveBind& wanted);

// Binds a unicast socket to the interface of that name as it is now: one that was removed and made
// again has another index. EPERM: an ordinary user may not before Linux 5.7, nor once it is bound.
Status bind_to_interface(int fd, const ReceiveBind& wanted);

// Whether the interface that `fd` is bound to is no more: it hears nothing then, even if one of
// that name comes back.
bool is_bound_to_removed(int fd);

// Asks for so many bytes, past net.core.rmem_max where there is CAP_NET_ADMIN. Without, a buffer
// that is nearer to it already is left as it is: who bound the socket had the capability. Returns
// what the kernel grants, which is twice what was asked where all is.
uint64_t set_receive_buffer(int fd, uint64_t bytes);

// Whether `fd` is a UDP socket bound to exactly `listen`; else `found` says what it is instead.
constexpr size_t kFoundTextMax = kAddressTextMax + 16;
bool is_bound_to(int fd, const Address& listen, char found[kFoundTextMax]);

// ENODEV where there is no such interface.
Result<unsigned> interface_index(const char* name);

}  // namespace sdr
