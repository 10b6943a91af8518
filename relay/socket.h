// Every socket of the relay is made and configured here, each option with the kernel fact behind
// it.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "relay/fd.h"
#include "relay/format/result.h"
#include "relay/options.h"

namespace sdr {

struct ReceiveSocket {
  UniqueFd fd;
  uint64_t buffer_granted = 0;   // bytes as the kernel reads it back; it doubles what is asked
  bool has_meminfo = false;      // SO_MEMINFO, Linux 4.12
  bool hears_strangers = false;  // groups that others have joined on its port; see there
  uint64_t inode = 0;            // the same as long as the socket lives, whoever has it
};

// Binds (or takes --listen-fd), joins, and sets every option anew. Blocking, with a receive
// time-out of 1 s.
Result<ReceiveSocket> open_receive_socket(const Options& options);

// One line about what this kernel is too old for, where there is such a thing.
void say_what_is_lacking(const ReceiveSocket& socket, bool has_segments);

// Whether nothing is queued in it.
bool is_empty(int fd);

// How long a receive waits; false: errno says why.
bool set_receive_timeout(int fd, int64_t timeout_ns);

// How many datagrams the kernel has dropped on this socket since it was made; only with
// has_meminfo.
uint32_t socket_drops(int fd);

// A socket that sends to `to`, not yet connected: without a route that is tried again at run time.
// `index` gets that of the interface where options.interface names one.
//
// What a queue of the way out drops is an error (ENOBUFS), and what a host answers stands in the
// error queue.
Result<UniqueFd> open_send_socket(const Options& options, const Address& to, unsigned* index);

// Whether the kernel takes UDP_SEGMENT (Linux 4.18). Asked by setsockopt: older kernels ignore the
// control message and would send a whole run as one datagram.
bool has_udp_segment(int fd);

}  // namespace sdr
