// The troubles of one channel by where they come from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/stat/lately.h"
#include "tools/stat/trouble.h"

namespace sdr::status {

using Troubles = std::vector<Trouble>;

// Its relay and who keeps it: down, crashes, silence.
void add_service_troubles(const View& view, Troubles* out);
// What was lost on the way through the receiver.
void add_loss_troubles(const View& view, Troubles* out);
// Streams that could not be sent.
void add_stream_troubles(const View& view, Troubles* out);
// The disk, and what the recording lacks.
void add_disk_troubles(const View& view, Troubles* out);

// What happened lately, if it did, is a trouble of now with `text`, `detail` behind it and
// `advice`. What had happened earlier is one of the past, with `text` alone. In both, `#` stands
// for the number, and `@` for when: "the kernel dropped # @".
struct Event {
  const char* kind;
  std::string text;
  std::string advice;
  std::string detail = {};
};
void add_event(const View& view, const Share& share, const Event& event, Troubles* out);

// "/var/log/speeddata/engine/current", or "its log".
std::string log_name(const View& view);

// "Network is unreachable", as the C locale has it.
std::string errno_text(uint64_t number);

}  // namespace sdr::status
