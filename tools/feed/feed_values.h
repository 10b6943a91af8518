// The values of sdr-feed's options. Each reader returns false where the text is none.
#pragma once

#include <cstdint>
#include <string>

#include "tools/feed/options.h"

namespace sdr {

bool feed_real(const char* text, double least, double most, double* out);
bool feed_whole(const char* text, uint64_t least, uint64_t most, uint64_t* out);
bool feed_signal(const std::string& text, Signal* out);
bool feed_speed(const char* text, double* out);    // "max": 0
bool feed_time(const char* text, int64_t* out);    // a moment, in microseconds since the epoch
bool feed_gap(const char* text, int64_t* out_ns);  // "5s"

}  // namespace sdr
