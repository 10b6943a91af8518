// The walk over a datum, by the Avro specification or as libavro-c goes, and where the two part.
#pragma once

#include <span>

#include "tests/fuzz/layout_tree.h"

namespace sdr::fuzz {

enum class Rules : uint8_t {
  kLayout,   // layout.h's: the Avro specification, and its bounds
  kLibavro,  // what libavro-c takes
};

// Where libavro-c 1.11 takes what is no datum by the Avro specification or by the bounds that
// layout.h sets, or (kNone) does not take what is one. `datum`, in hexadecimal digits, is an
// example for `schema`.
struct Difference {
  const char* what;
  Reject reject;  // what Layout::validate() says of it
  const char* schema;
  const char* datum;
};
std::span<const Difference> libavro_differences();

struct TreeWalk {
  Reject reject = Reject::kNone;
  size_t size = 0;           // of the datum, where nothing is wrong
  uint64_t empty_items = 0;  // array items without a byte, which libavro-c makes one by one
};

// Walks `bytes`. kLayout: all of them are one datum. kLibavro: they begin with one.
TreeWalk walk_tree(const LayoutNode& tree, std::string_view bytes, Rules rules);

}  // namespace sdr::fuzz
