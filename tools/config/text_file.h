// A text file read whole, and its lines by number.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sdr {

// Reads a file of at most bytes_max bytes; on failure says why in *error. Anything but a regular
// file or, with `pipes`, a pipe is refused, so that nothing can block or never end.
bool read_text_file(const std::string& path, size_t bytes_max, bool pipes, std::string* text,
                    std::string* error);

// A text cut into lines. Lines are 1-based and come without their end.
class TextLines {
 public:
  explicit TextLines(std::string text);
  std::string_view line(size_t number) const;  // empty past the end
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::vector<size_t> starts_;
};

}  // namespace sdr
