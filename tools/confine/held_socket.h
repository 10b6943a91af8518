// The receive socket that a relay gets from sdr-confine: bound here, and parked with
// s6-fdholder-daemons, so that it outlives the relay and the kernel queues while none runs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sdr {

struct HeldSocketOptions {
  std::string listen;                 // "0.0.0.0:26000"; empty: no socket is wanted
  std::string interface;              // empty: all of them
  std::string source;                 // only a part of the id: the relay joins
  uint64_t receive_buffer_bytes = 0;  // 0: as it comes
  std::vector<std::string> holders;   // paths; each holds the same sockets, one is enough
  std::string copied_from;            // not empty: the holder to copy from, and that is all
  unsigned fd = 6;                    // where the program finds it
};

// Takes the socket from the first holder that has it, or binds it; sees to it that every holder
// that answers has it; sets its interface and buffer anew; leaves it at `fd`. A holder that is just
// starting is waited for. Where none answers the socket is bound all the same, and what could not
// be done is returned, a line each. Throws ConfineError.
std::vector<std::string> provide_socket(const HeldSocketOptions& options);

// Gives the holder at `to`, which has just been started, what the one at `from` has; waits for it
// to answer, bounded. s6-fdholder-transferdump does so for some 250 sockets at most. Nothing to
// copy from is no trouble. Throws ConfineError.
void copy_held_sockets(const std::string& from, const std::string& to);

}  // namespace sdr
