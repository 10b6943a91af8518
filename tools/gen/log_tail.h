// What a channel has logged since a moment: the reason why it does not come up.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace sdr {

class LogTail {
 public:
  // From now on, or from so many bytes ago. `dir` is the s6-log directory of the channel.
  explicit LogTail(const std::string& dir, size_t back_bytes = 0);

  // The last few lines since, without their times, each only once, the last one last. The logger is
  // given a moment to write; empty where nothing comes.
  std::vector<std::string> lines() const;

 private:
  std::string file_;
  size_t start_ = 0;
};

// Cuts the ISO 8601 time that s6-log's T puts before each line, drops what comes again, keeps the
// last `lines_max`.
std::vector<std::string> log_lines(const std::string& text, size_t lines_max);

}  // namespace sdr
