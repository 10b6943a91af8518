// A page of --watch: what stands where on a terminal of a given size. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/stat/watch_rows.h"

namespace sdr::status {

enum class Style : uint8_t { kPlain, kBold, kDim, kTrouble, kDown, kReverse };

struct Span {
  std::string text;
  Style style = Style::kPlain;
};
using Line = std::vector<Span>;

// Columns that a text takes, whose characters are one wide each.
size_t columns_of(const std::string& text);

// What the keys have made of it.
struct WatchMode {
  WatchSort sort = WatchSort::kTrouble;
  bool reversed = false;
  bool paused = false;
  bool help = false;
  bool utf8 = false;
  size_t top = 0;        // the first row that is shown; kept within what there is
  size_t page_rows = 0;  // how many rows were shown
};

// At most `height` lines of at most `width` columns each. `rows` are in their order; `title` is
// what stands at the right of the first line; `message` takes the place of the table's body where
// there is nothing to show.
std::vector<Line> watch_page(const std::vector<WatchRow>& rows, const std::string& title,
                             const std::string& message, size_t width, size_t height,
                             WatchMode* mode);

}  // namespace sdr::status
