#include "tools/config/text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

namespace sdr {
namespace {

constexpr int kPipeIdleMaxS = 5;

// Waits for data in a pipe, or its end. A pipe that nobody has opened for writing yet would read as
// an empty one.
bool wait_for_pipe(int fd, std::string* error) {
  pollfd there = {fd, POLLIN, 0};
  const int count = poll(&there, 1, kPipeIdleMaxS * 1000);
  if (count > 0 || (count < 0 && errno == EINTR)) return true;
  *error = count == 0 ? "it is a pipe, and nothing has come from it for " +
                            std::to_string(kPipeIdleMaxS) + " s"
                      : strerror(errno);
  return false;
}

bool read_all(int fd, bool is_pipe, size_t bytes_max, std::string* text, std::string* error) {
  char piece[65536];
  for (;;) {
    if (is_pipe && !wait_for_pipe(fd, error)) return false;
    const ssize_t n = read(fd, piece, sizeof piece);
    if (n < 0 && (errno == EINTR || (is_pipe && errno == EAGAIN))) continue;
    if (n < 0) {
      *error = strerror(errno);
      return false;
    }
    if (n == 0) return true;
    text->append(piece, static_cast<size_t>(n));
    if (text->size() > bytes_max) {
      *error = "it is larger than " + std::to_string(bytes_max >> 10) + " KiB";
      return false;
    }
  }
}

}  // namespace

bool read_text_file(const std::string& path, size_t bytes_max, bool pipes, std::string* text,
                    std::string* error) {
  text->clear();
  // Without O_NONBLOCK the open of a pipe that nobody writes to would wait for ever.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0) {
    *error = strerror(errno);
    return false;
  }
  struct stat status = {};
  bool good = false;
  if (fstat(fd, &status) < 0) {
    *error = strerror(errno);
  } else if (S_ISDIR(status.st_mode)) {
    *error = "it is a directory";
  } else if (!S_ISREG(status.st_mode) && !(pipes && S_ISFIFO(status.st_mode))) {
    *error = "it is not a regular file";
  } else {
    good = read_all(fd, S_ISFIFO(status.st_mode), bytes_max, text, error);
  }
  close(fd);
  return good;
}

TextLines::TextLines(std::string text) : text_(std::move(text)) {
  starts_.push_back(0);
  for (size_t at = text_.find('\n'); at != std::string::npos; at = text_.find('\n', at + 1)) {
    starts_.push_back(at + 1);
  }
}

std::string_view TextLines::line(size_t number) const {
  if (number == 0 || number > starts_.size()) return {};
  const size_t start = starts_[number - 1];
  size_t end = number < starts_.size() ? starts_[number] - 1 : text_.size();
  if (end > start && text_[end - 1] == '\r') --end;
  return std::string_view(text_).substr(start, end - start);
}

}  // namespace sdr
