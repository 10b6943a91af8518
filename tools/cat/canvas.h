// A picture of dots that is printed as text: in braille four rows of two dots a character, in ASCII
// two rows of one.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace sdr::cat {

enum class Dots : uint8_t { kBraille, kAscii };

class Canvas {
 public:
  // In characters, each at least 1.
  Canvas(size_t columns, size_t rows, Dots dots);

  // In dots.
  size_t width() const { return width_; }
  size_t height() const { return height_; }
  size_t dots_a_row() const { return dots_ == Dots::kBraille ? 4 : 2; }

  // x from the left, y from the top. What is outside is left out.
  void set(size_t x, size_t y);
  bool is_set(size_t x, size_t y) const;
  void draw_line(size_t x0, size_t y0, size_t x1, size_t y1);

  // One row of characters, without a newline.
  std::string row_text(size_t row) const;

 private:
  Dots dots_;
  size_t width_;
  size_t height_;
  std::vector<bool> set_;
};

}  // namespace sdr::cat
