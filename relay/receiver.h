// The receiver process: the live path, and the keeper of its writer.
#pragma once

#include "relay/format/counters.h"
#include "relay/format/layout.h"
#include "relay/options.h"
#include "relay/ring.h"
#include "relay/socket.h"

namespace sdr {

// All that the receiver works on; made at start, borrowed for as long as it runs.
struct Live {
  const Options& options;
  const Layout& layout;
  const Ring& ring;
  int ring_dir_fd;  // -1: not recorded
  ReceiveSocket& socket;
  CountersPage& counters;
};

// Opens the streams, forks the writer, says that it is ready, and relays until TERM or INT. Returns
// the exit code.
int run_receiver(const Live& live);

}  // namespace sdr
