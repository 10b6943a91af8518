// A rejected datagram as a relay keeps it: a datum of a file in rejected/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sdr::cat {

struct KeptDatagram {
  int64_t time_us;          // it was received
  std::string_view reason;  // as reject_name() has it
  std::span<const uint8_t> datagram;
  size_t size;  // of the datum
};

// Whether a file of this schema holds such datums.
bool is_schema_of_kept(std::string_view schema_text);

// Reads the one at the front of `bytes`, into which it points then. False: there is none, or it was
// received at a time that no name can have.
bool take_kept(std::span<const uint8_t> bytes, KeptDatagram* kept);

}  // namespace sdr::cat
