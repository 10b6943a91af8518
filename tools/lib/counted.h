// Numbers of things in a sentence.
#pragma once

#include <concepts>
#include <string>

namespace sdr {

// "2 blocks", "1 datum".
std::string counted(std::integral auto count, const char* noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

}  // namespace sdr
