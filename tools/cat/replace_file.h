// Writes a file that is there as a whole, or not at all.
#pragma once

#include <string>
#include <string_view>

namespace sdr::cat {

// In the place of what had that name, through symbolic links; under another name beside it until it
// is on the disk. What is no regular file (/dev/null, a pipe) is written to as it is. Returns what
// failed, with the system's reason, or nothing.
std::string replace_file(const std::string& path, std::string_view content);

}  // namespace sdr::cat
