// Any bytes as a layout: Layout::parse() takes what the reference takes, says where it ends, and
// judges datums as the reference does.
#include <algorithm>

#include "relay/format/layout.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/layout_walk.h"

using namespace sdr;
using namespace sdr::fuzz;

namespace {

constexpr char kTooManySteps[] = "too many steps";  // a bound that the reference does not have
constexpr char kTooLarge[] = "number too large";

constexpr uint64_t kFixedBytesMax = 1024;

bool has_large(const LayoutNode& tree) {
  return (tree.code == 'x' && tree.arg > kFixedBytesMax) ||
         std::any_of(tree.children.begin(), tree.children.end(), has_large);
}

Reject validate(const Layout& layout, std::string_view datum) {
  return layout.validate(reinterpret_cast<const uint8_t*>(datum.data()), datum.size());
}

void check_datums(const LayoutNode& tree, const Layout& layout, uint64_t seed) {
  if (has_large(tree)) return;
  Random random(seed);
  for (int i = 0; i < 4; ++i) {
    const std::string datum = make_datum(tree, 256, &random);
    require(validate(layout, datum) == Reject::kNone);
    require(validate(layout, datum + 'x') == Reject::kLong);
    require(validate(layout, datum.substr(0, datum.size() - 1)) != Reject::kNone);
  }
}

// `layout` took `text`.
void check_taken(std::string_view text, const Layout& layout) {
  LayoutNode tree;
  std::string_view rest = text;
  require(parse_tree(&rest, &tree));
  require(rest.empty() || std::string_view(" \n\r\t").find(rest.front()) != rest.npos);
  const SizeBounds bounds = bounds_of(tree);
  require(bounds.least > 0);
  require(layout.fixed_size() == (bounds.least == bounds.most ? bounds.least : 0));

  // Printed, it is the text again but for zeros in front of numbers.
  const std::string printed = print_tree(tree);
  static Layout again;
  size_t column = 0;
  require(static_cast<bool>(again.parse(printed, &column)));
  require(again.fixed_size() == layout.fixed_size());
  std::string_view rest_printed = printed;
  LayoutNode tree_printed;
  require(parse_tree(&rest_printed, &tree_printed) && rest_printed.empty());
  require(print_tree(tree_printed) == printed);
  require(static_cast<bool>(again.parse(printed + "\nbehind it", &column)));
}

}  // namespace

// The layout, a NUL, a datum.
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Layout layout;
  Input input(data, size);
  const std::string_view text = input.until('\0');
  const std::string_view datum = input.rest();
  size_t column = 0;
  const Status parsed = layout.parse(text, &column);
  LayoutNode tree;
  std::string_view rest = text;
  if (!parsed) {
    require(column >= 1 && column <= text.size() + 1);
    require(layout.fixed_size() == 0);
    const std::string_view what = parsed.error().what;
    const bool ends = parse_tree(&rest, &tree) &&
                      (rest.empty() || std::string_view(" \n\r\t").find(rest.front()) != rest.npos);
    require(!ends || bounds_of(tree).least == 0 || what == kTooManySteps || what == kTooLarge);
    return 0;
  }
  check_taken(text, layout);
  require(parse_tree(&rest, &tree));
  require(validate(layout, datum) == walk_tree(tree, datum, Rules::kLayout).reject);
  check_datums(tree, layout, text.size() * 257 + datum.size());
  return 0;
}
