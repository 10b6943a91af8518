// What sdr-relay is told of decimated streams and of the sequence: fields become ordinals of
// numbers.
#pragma once

#include <string>

#include "tools/config/config.h"

namespace sdr {

// Whether a method that is the relay's default is written all the same.
enum class Defaults : uint8_t { kLeftOut, kWritten };

// "239.1.1.2:6001,factor=50,method=average,hold=3+7"
std::string decimated_word(const Channel& channel, const DecimatedStream& stream,
                           Defaults defaults);

// "2,wrap=65536"; only of a channel that has a sequence.
std::string sequence_word(const Channel& channel);

}  // namespace sdr
