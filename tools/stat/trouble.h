// What is wrong with a channel, or with a fleet, in words, and what to do: a line each.
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
  const char* kind;  // for programs, as sdr-stat(1) lists them
  std::string text;  // for people; printable ASCII and whole by itself but for the channel's name
  std::string advice = {};  // what to do; empty for what is past
  uint64_t count = 0;       // of what has happened; 0 for a state
};

// Both in one.
std::string line_of(const Trouble& trouble);

// Of one channel, the worst first. Empty: all is well, and always was.
std::vector<Trouble> troubles_of(const View& view);

// The worst of them, as sdr-stat exits: 0 all is well, 1 trouble, 2 down.
int exit_code_of(const std::vector<Trouble>& troubles);

// Appends the member `troubles`. `channel`: whose they are; empty: the fleet's.
void print_troubles(const std::string& channel, const std::vector<Trouble>& troubles,
                    JsonWriter* out);

// A line and its end, or several where it is longer than `width` (0: never): it is broken between
// words and goes on below, indented.
std::string folded_lines(const std::string& text, size_t width);

// "engine: …" for each, what is past in one line per channel behind all others. `width`: lines are
// broken between words and go on below, indented; 0: never.
std::string troubles_text(const std::vector<View>& views, size_t width);

}  // namespace sdr::status
