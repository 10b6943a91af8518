// The signals of the receiver: TERM and INT stop, HUP rotates, CHLD tells that the writer has died.
//
// The loop sleeps in recvmmsg itself. A signal that comes just before it does would be slept
// through, so each handler also starts a timer that interrupts again and again (knocks) until the
// loop has looked.
#pragma once

namespace sdr {

struct Signals {
  bool stop = false;
  bool rotate = false;
  bool child = false;
};

// Installs the handlers, and ignores PIPE.
void catch_signals();
// What has come since the last call; `stop` stays. Costs a load where nothing has.
Signals take_signals();
bool stop_asked();
// As if the child had died: the loop comes back to it within 10 ms.
void knock_for_child();
// In a child of the receiver: ignores them all and keeps no timer.
void ignore_signals();

}  // namespace sdr
