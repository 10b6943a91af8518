// What is wrong with a channel, in words: one line each, which ends with what to do.
#pragma once

#include <string>
#include <vector>

#include "tools/stat/view.h"

namespace sdr::status {

enum class Severity : uint8_t {
  kPast,  // it has happened since the counters began, and is over
  kNow,   // it goes on, or something was lost lately
  kDown,  // the channel is not there, and should be
};

struct Trouble {
  Severity severity;
  const char* kind;  // "kernel_drops", "disk_full" …: for programs
  std::string text;  // without the channel's name
};

// Worst first. Empty: all is well.
std::vector<Trouble> troubles_of(const View& view);

}  // namespace sdr::status
