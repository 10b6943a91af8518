#include "tools/gen/log_tail.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "tools/config/diagnostic.h"

namespace sdr {
namespace {

constexpr size_t kLinesMax = 5;
constexpr size_t kBytesMax = 16 << 10;
constexpr size_t kLineBytesMax = 400;
constexpr int kWaitMs = 300;
constexpr size_t kTimeBytes = 31;  // "2026-11-23 01:15:11.171690513  "

size_t size_of(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 ? static_cast<size_t>(status.st_size) : 0;
}

std::string read_from(const std::string& path, size_t start) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
  if (fd < 0) return "";
  std::string text(kBytesMax, '\0');
  const ssize_t n = pread(fd, text.data(), text.size(), static_cast<off_t>(start));
  close(fd);
  text.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return text;
}

std::string_view without_time(std::string_view line) {
  const bool timed = line.size() >= kTimeBytes && line[4] == '-' && line[10] == ' ' &&
                     line[13] == ':' && line.substr(kTimeBytes - 2, 2) == "  ";
  return timed ? line.substr(kTimeBytes) : line;
}

}  // namespace

LogTail::LogTail(const std::string& dir, size_t back_bytes) : file_(dir + "/current") {
  const size_t size = size_of(file_);
  start_ = size > back_bytes ? size - back_bytes : 0;
}

std::vector<std::string> LogTail::lines() const {
  const timespec pause = {0, 5'000'000};
  for (int waited_ms = 0; size_of(file_) == start_ && waited_ms < kWaitMs; waited_ms += 5) {
    nanosleep(&pause, nullptr);
  }
  size_t start = start_;
  const size_t size = size_of(file_);
  if (size < start) start = 0;  // rotated
  if (size > start + kBytesMax) start = size - kBytesMax;
  return log_lines(read_from(file_, start), kLinesMax);
}

std::vector<std::string> log_lines(const std::string& text, size_t lines_max) {
  std::vector<std::string> out;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    if (end == std::string::npos) break;
    const std::string line =
        printable(without_time(std::string_view(text).substr(at, end - at)), kLineBytesMax);
    std::erase(out, line);
    if (!line.empty()) out.push_back(line);
    at = end + 1;
  }
  if (out.size() > lines_max) out.erase(out.begin(), out.end() - static_cast<long>(lines_max));
  return out;
}

}  // namespace sdr
