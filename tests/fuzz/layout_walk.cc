#include "tests/fuzz/layout_walk.h"

#include <algorithm>

namespace sdr::fuzz {
namespace {

// Each step takes a value off the front of `rest` and says what is wrong with it.
class Walker {
 public:
  Walker(std::string_view bytes, Rules rules) : rest_(bytes), libavro_(rules == Rules::kLibavro) {}

  Reject value(const LayoutNode& node) {
    switch (node.code) {
      case 'n':
        return Reject::kNone;
      case 'b':
        return boolean();
      case 'i':
        return whole(5, &number_);
      case 'l':
        return whole(10, &number_);
      case 'f':
        return skip(4);
      case 'd':
        return skip(8);
      case 'x':
        return skip(node.arg);
      case 's':
        return sized(true);
      case 'y':
        return sized(false);
      case 'e':
        return index(node.arg, Reject::kEnum);
      case '(':
        return record(node);
      case '<':
        if (const Reject r = index(node.children.size(), Reject::kUnion); r != Reject::kNone)
          return r;
        return value(node.children[static_cast<size_t>(number_)]);
      default:
        return items(node);
    }
  }

  size_t left() const { return rest_.size(); }
  uint64_t empty_items() const { return empty_items_; }

 private:
  Reject boolean() {
    if (rest_.empty()) return Reject::kShort;
    const bool sound = libavro_ || static_cast<uint8_t>(rest_.front()) <= 1;
    rest_.remove_prefix(1);
    return sound ? Reject::kNone : Reject::kBoolean;
  }

  Reject skip(uint64_t size) {
    if (size > rest_.size()) return Reject::kShort;
    rest_.remove_prefix(size);
    return Reject::kNone;
  }

  // An int (5 bytes at most) or a long (10). libavro-c reads a long for either, and lets go of what
  // the tenth byte has beyond 64 bits.
  Reject whole(size_t size_max, int64_t* out) {
    const size_t bits = size_max == 5 ? 32 : 64;
    unsigned __int128 zigzag = 0;
    for (size_t i = 0; i < (libavro_ ? 10 : size_max); ++i) {
      if (i == rest_.size()) return Reject::kShort;
      const auto byte = static_cast<uint8_t>(rest_[i]);
      zigzag |= static_cast<unsigned __int128>(byte & 0x7f) << (7 * i);
      if (byte >= 0x80) {
        if (!libavro_ && zigzag >> bits != 0) return Reject::kVarint;
        continue;
      }
      rest_.remove_prefix(i + 1);
      if (libavro_) zigzag = static_cast<uint64_t>(zigzag);
      if (zigzag >> bits != 0) return Reject::kVarint;
      *out = static_cast<int64_t>(static_cast<uint64_t>(zigzag >> 1) ^ -(zigzag & 1));
      return Reject::kNone;
    }
    return Reject::kVarint;
  }

  // Of an enum or a union, into number_. libavro-c does not look where an enum's leads.
  Reject index(uint64_t count, Reject otherwise) {
    if (const Reject r = whole(libavro_ ? 10 : 5, &number_); r != Reject::kNone) return r;
    if (libavro_ && otherwise == Reject::kEnum) return Reject::kNone;
    return number_ >= 0 && static_cast<uint64_t>(number_) < count ? Reject::kNone : otherwise;
  }

  Reject sized(bool text) {
    int64_t size;
    if (const Reject r = whole(10, &size); r != Reject::kNone) return r;
    if (size < 0 || static_cast<uint64_t>(size) > rest_.size()) return Reject::kLength;
    const std::string_view body = rest_.substr(0, static_cast<size_t>(size));
    rest_.remove_prefix(body.size());
    return text && !libavro_ && !is_text(body) ? Reject::kUtf8 : Reject::kNone;
  }

  Reject record(const LayoutNode& node) {
    for (const LayoutNode& field : node.children) {
      if (const Reject r = value(field); r != Reject::kNone) return r;
    }
    return Reject::kNone;
  }

  Reject items(const LayoutNode& node) {
    const LayoutNode& item = node.children[0];
    const bool empty = node.code == '[' && bounds_of(item).least == 0;
    for (;;) {
      int64_t count;
      int64_t size = -1;
      if (const Reject r = whole(10, &count); r != Reject::kNone || count == 0) return r;
      if (count == INT64_MIN && !libavro_) return Reject::kLength;
      if (count < 0) {
        if (const Reject r = whole(10, &size); r != Reject::kNone) return r;
        if (!libavro_ && (size < 0 || static_cast<uint64_t>(size) > rest_.size()))
          return Reject::kLength;
      }
      const uint64_t whole_count =
          count < 0 ? 0 - static_cast<uint64_t>(count) : static_cast<uint64_t>(count);
      const size_t before = rest_.size();
      if (empty) {
        empty_items_ += std::min(whole_count, UINT64_MAX - empty_items_);
        if (!libavro_ && empty_items_ > static_cast<uint64_t>(kEmptyItemsMax))
          return Reject::kLength;
      }
      for (uint64_t i = 0; i < whole_count && !empty; ++i) {
        Reject r = node.code == '{' ? sized(true) : Reject::kNone;
        if (r == Reject::kNone) r = value(item);
        if (r != Reject::kNone) return r;
      }
      if (count < 0 && !libavro_ && before - rest_.size() != static_cast<uint64_t>(size))
        return Reject::kLength;
    }
  }

  // RFC 3629, by decoding: the shortest form, no surrogate, at most U+10FFFF.
  static bool is_text(std::string_view text) {
    while (!text.empty()) {
      const auto lead = static_cast<uint8_t>(text[0]);
      const size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
      if ((lead >= 0x80 && lead < 0xc0) || lead >= 0xf8 || size > text.size()) return false;
      uint32_t point = size == 1 ? lead : lead & (0x7fu >> size);
      for (size_t i = 1; i < size; ++i) {
        if ((text[i] & 0xc0) != 0x80) return false;
        point = point << 6 | (static_cast<uint8_t>(text[i]) & 0x3f);
      }
      const uint32_t least = size == 1 ? 0 : size == 2 ? 0x80 : size == 3 ? 0x800 : 0x10000;
      if (point < least || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return false;
      text.remove_prefix(size);
    }
    return true;
  }

  std::string_view rest_;
  bool libavro_;
  int64_t number_ = 0;
  uint64_t empty_items_ = 0;
};

constexpr char kEnum[] = R"({"type":"enum","name":"e","symbols":["A","B"]})";
constexpr char kArray[] = R"({"type":"array","items":"boolean"})";
constexpr char kNulls[] = R"({"type":"array","items":"null"})";
constexpr char kEmptyRecords[] =
    R"({"type":"array","items":{"type":"record","name":"none","fields":[]}})";
constexpr char kMap[] = R"({"type":"map","values":"boolean"})";
constexpr char kUnion[] = R"(["null","boolean"])";

constexpr Difference kDifferences[] = {
    {"a boolean that is neither 0 nor 1", Reject::kBoolean, R"("boolean")", "02"},
    {"an int in more than 5 bytes", Reject::kVarint, R"("int")", "808080808000"},
    {"a long with more than 64 bits", Reject::kVarint, R"("long")", "80808080808080808002"},
    {"an enum's index past its symbols", Reject::kEnum, kEnum, "04"},
    {"a negative index of an enum", Reject::kEnum, kEnum, "01"},
    {"an enum's index in more than 5 bytes", Reject::kVarint, kEnum, "828080808000"},
    {"a union's branch in more than 5 bytes", Reject::kVarint, kUnion,
     "828080808000"
     "01"},
    {"a string that is not UTF-8", Reject::kUtf8, R"("string")", "04c080"},
    {"a string with a surrogate", Reject::kUtf8, R"("string")", "06eda080"},
    {"a map key that is not UTF-8", Reject::kUtf8, kMap, "0202ff0100"},
    {"an array block's size that is not true", Reject::kLength, kArray,
     "0104"
     "01"
     "00"},
    {"an array block's size that is negative", Reject::kLength, kArray,
     "0101"
     "01"
     "00"},
    {"a map block's size that is not true", Reject::kLength, kMap,
     "0104"
     "026101"
     "00"},
    {"more items without a byte than kEmptyItemsMax", Reject::kLength, kNulls, "82800800"},
    {"bytes behind the datum", Reject::kLong, R"("boolean")", "0101"},
    {"an array of records without fields", Reject::kNone, kEmptyRecords, "0200"},
};

}  // namespace

std::span<const Difference> libavro_differences() { return kDifferences; }

TreeWalk walk_tree(const LayoutNode& tree, std::string_view bytes, Rules rules) {
  Walker walker(bytes, rules);
  TreeWalk walk;
  walk.reject = walker.value(tree);
  if (walk.reject == Reject::kNone && rules == Rules::kLayout && walker.left() > 0)
    walk.reject = Reject::kLong;
  if (walk.reject == Reject::kNone) walk.size = bytes.size() - walker.left();
  walk.empty_items = walker.empty_items();
  return walk;
}

}  // namespace sdr::fuzz
