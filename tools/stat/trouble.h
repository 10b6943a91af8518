// What is wrong with a channel, in words: a line each, which ends with what to do.
#pragma once

#include <string>
#include <vector>

#include "tools/lib/json.h"
#include "tools/stat/view.h"

namespace sdr::status {

enum class Severity : uint8_t {
  kPast,  // it has happened since the counters began, and not lately
  kNote,  // it is so, but somebody asked for that
  kNow,   // it is so now, or it has happened lately
  kDown,  // the channel is down, and should not be
};
const char* severity_name(Severity severity);  // "past", "note", "now", "down"

struct Trouble {
  Severity severity;
  const char* kind;    // for programs, as sdr-stat(1) lists them
  std::string text;    // for people; printable ASCII and whole by itself but for the channel's name
  uint64_t count = 0;  // of what has happened; 0 for a state
};

// Of one channel, the worst first. Empty: all is well, and always was.
std::vector<Trouble> troubles_of(const View& view);

// The worst of them, as sdr-stat exits: 0 all is well, 1 trouble, 2 down.
int exit_code_of(const std::vector<Trouble>& troubles);

// Appends the member `troubles`.
void print_troubles(const std::vector<Trouble>& troubles, JsonWriter* out);

// "engine: …" for each, what is past in one line per channel behind all others. `width`: lines are
// broken between words and go on below, indented; 0: never.
std::string troubles_text(const std::vector<View>& views, size_t width);

}  // namespace sdr::status
