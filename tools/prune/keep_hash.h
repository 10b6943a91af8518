// SHA-256 of files, by sha256sum: at the lowest priority, for recording goes first.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace sdr::prune {

// Makes this process, and so what it starts, wait for everybody else's disk and processor.
void yield_to_recording();

// Of the file `fd`, from its start, in 64 hexadecimal digits. `report` is told now and then, and at
// the end, how far it is. What was read does not stay in memory. Throws KeepError.
std::string sha256_of(int fd, const std::string& what,
                      const std::function<void(int64_t bytes)>& report);

}  // namespace sdr::prune
