// A signal that asks to stop: what has been begun is undone before the end.
#pragma once

namespace sdr::prune {

// From now on INT, TERM and HUP are only noted.
void heed_signals();
// Throws KeepError after one of them.
void stop_if_asked();

}  // namespace sdr::prune
