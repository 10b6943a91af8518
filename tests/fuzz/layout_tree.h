// A layout as a plain tree, read and walked in the most straightforward way: what
// relay/format/layout.h and libavro-c are held against.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "relay/format/layout.h"
#include "tests/fuzz/fuzz.h"

namespace sdr::fuzz {

struct LayoutNode {
  char code = 0;      // as in layout.h: n b i l f d s y x e ( [ { <
  uint64_t arg = 0;   // x: bytes; e: symbols
  bool held = false;  // a field with a "!" behind it
  std::vector<LayoutNode> children;
};

// Takes a layout off the front of *text; false where there is none.
bool parse_tree(std::string_view* text, LayoutNode* tree, int depth = 0);
std::string print_tree(const LayoutNode& tree);

// Of its datums in bytes; more than 2^30 counts as that.
struct SizeBounds {
  uint64_t least;
  uint64_t most;
};
SizeBounds bounds_of(const LayoutNode& tree);

// A random datum; of more than `size_max` bytes only where the layout leaves no choice.
std::string make_datum(const LayoutNode& tree, size_t size_max, Random* random);

}  // namespace sdr::fuzz
