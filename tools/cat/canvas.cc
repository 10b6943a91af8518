#include "tools/cat/canvas.h"

#include <algorithm>
#include <cstdint>

namespace sdr::cat {
namespace {

// https://www.unicode.org/charts/PDF/U2800.pdf: the bit of each dot, by row and column.
constexpr unsigned kBrailleBit[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
constexpr char kAsciiDots[] = {' ', '\'', '.', ':'};

void append_braille(unsigned bits, std::string* out) {
  *out += '\xe2';
  *out += static_cast<char>(0xa0 | bits >> 6);
  *out += static_cast<char>(0x80 | (bits & 0x3f));
}

}  // namespace

Canvas::Canvas(size_t columns, size_t rows, Dots dots)
    : dots_(dots),
      width_(dots == Dots::kBraille ? columns * 2 : columns),
      height_(rows * (dots == Dots::kBraille ? 4 : 2)),
      set_(width_ * height_) {}

void Canvas::set(size_t x, size_t y) {
  if (x < width_ && y < height_) set_[y * width_ + x] = true;
}

bool Canvas::is_set(size_t x, size_t y) const {
  return x < width_ && y < height_ && set_[y * width_ + x];
}

// In as many steps as the longer of its sides has dots, rounded to the nearest dot.
void Canvas::draw_line(size_t x0, size_t y0, size_t x1, size_t y1) {
  const int64_t dx = static_cast<int64_t>(x1) - static_cast<int64_t>(x0);
  const int64_t dy = static_cast<int64_t>(y1) - static_cast<int64_t>(y0);
  const int64_t steps = std::max(dx < 0 ? -dx : dx, dy < 0 ? -dy : dy);
  const auto part = [steps](int64_t side, int64_t i) {
    const int64_t scaled = 2 * side * i + (side < 0 ? -steps : steps);
    return scaled / (2 * steps);
  };
  set(x0, y0);
  for (int64_t i = 1; i <= steps; ++i)
    set(static_cast<size_t>(static_cast<int64_t>(x0) + part(dx, i)),
        static_cast<size_t>(static_cast<int64_t>(y0) + part(dy, i)));
}

std::string Canvas::row_text(size_t row) const {
  std::string text;
  const size_t top = row * dots_a_row();
  if (dots_ == Dots::kAscii) {
    for (size_t x = 0; x < width_; ++x) text += kAsciiDots[is_set(x, top) + 2 * is_set(x, top + 1)];
    return text;
  }
  for (size_t x = 0; x < width_; x += 2) {
    unsigned bits = 0;
    for (size_t y = 0; y < 4; ++y) {
      for (size_t side = 0; side < 2; ++side)
        if (is_set(x + side, top + y)) bits |= kBrailleBit[y][side];
    }
    bits == 0 ? text.append(" ") : (append_braille(bits, &text), text);
  }
  return text;
}

}  // namespace sdr::cat
