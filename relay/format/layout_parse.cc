#include "relay/format/layout.h"

namespace sdr {

// Recursive descent over the text. Sizes are bounds of the encoding, saturated at kSizeMax.
class LayoutParser {
 public:
  LayoutParser(std::string_view text, Layout* out) : text_(text), out_(out) {}

  struct Bounds {
    uint64_t least = 0;
    uint64_t most = 0;
  };

  const char* run(Bounds* bounds) {
    out_->count_ = 0;
    const char* wrong = type(0, bounds);
    if (wrong) return wrong;
    if (at_ < text_.size() && !is_end(text_[at_])) return "text behind the layout";
    if (bounds->least == 0) return "a datum of zero bytes";
    return nullptr;
  }
  size_t column() const { return at_ + 1; }

 private:
  static constexpr uint64_t kSizeMax = 1u << 30;
  static bool is_end(char c) { return c == '\n' || c == ' ' || c == '\r' || c == '\t'; }
  static uint64_t sum(uint64_t a, uint64_t b) { return a + b > kSizeMax ? kSizeMax : a + b; }

  bool take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  const char* number(uint32_t least, uint32_t* value) {
    uint64_t n = 0;
    const size_t from = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
      n = n * 10 + static_cast<uint64_t>(text_[at_++] - '0');
      if (n > kSizeMax) return "number too large";
    }
    if (at_ == from) return "a number is missing";
    if (n < least) return "number too small";
    *value = static_cast<uint32_t>(n);
    return nullptr;
  }

  const char* emit(char code, uint32_t arg, uint32_t* index) {
    if (out_->count_ == kLayoutOpsMax) return "too many steps";
    *index = out_->count_++;
    out_->ops_[*index] = {code, held_depth_ > 0 || is_held(), arg, *index + 1};
    return nullptr;
  }

  // Whether "!" follows the type that has just been read.
  bool is_held() const { return at_ < text_.size() && text_[at_] == '!'; }

  // The same of the record that begins here.
  bool is_record_held() const {
    size_t at = at_;
    for (int open = 1; open > 0; ++at) {
      if (at == text_.size()) return false;
      open += text_[at] == '(' ? 1 : text_[at] == ')' ? -1 : 0;
    }
    return at < text_.size() && text_[at] == '!';
  }

  // Runs of float, of double and of fixed become one step; never across the edge of a body.
  const char* emit_bytes(char code, uint32_t bytes) {
    if (bytes == 0) return nullptr;
    if (out_->count_ > merge_floor_) {
      Layout::Op& last = out_->ops_[out_->count_ - 1];
      if (last.code == code && last.held == (held_depth_ > 0 || is_held())) {
        if (last.arg + static_cast<uint64_t>(bytes) > kSizeMax) return "number too large";
        last.arg += bytes;
        return nullptr;
      }
    }
    uint32_t index;
    return emit(code, bytes, &index);
  }

  const char* type(int depth, Bounds* bounds) {
    if (depth > kLayoutDepthMax) return "nested too deeply";
    if (at_ == text_.size()) return "the layout ends early";
    const char code = text_[at_++];
    uint32_t index;
    uint32_t n = 0;
    switch (code) {
      case 'n':
        *bounds = {0, 0};
        return nullptr;
      case 'b':
        *bounds = {1, 1};
        return emit(code, 0, &index);
      case 'i':
        *bounds = {1, 5};
        return emit(code, 0, &index);
      case 'l':
        *bounds = {1, 10};
        return emit(code, 0, &index);
      case 'f':
        *bounds = {4, 4};
        return emit_bytes(code, 4);
      case 'd':
        *bounds = {8, 8};
        return emit_bytes(code, 8);
      case 's':
      case 'y':
        *bounds = {1, kSizeMax};
        return emit(code, 0, &index);
      case 'x':
        if (const char* wrong = number(0, &n)) return wrong;
        *bounds = {n, n};
        return emit_bytes(code, n);
      case 'e':
        if (const char* wrong = number(1, &n)) return wrong;
        *bounds = {1, 5};
        return emit(code, n, &index);
      case '(':
        return record(depth, bounds);
      case '[':
      case '{':
        return blocks(code, depth, bounds);
      case '<':
        return alternatives(depth, bounds);
      default:
        --at_;
        return "not a type";
    }
  }

  const char* record(int depth, Bounds* bounds) {
    const int held = held_depth_ > 0 || is_record_held() ? 1 : 0;
    held_depth_ += held;
    *bounds = {0, 0};
    while (!take(')')) {
      Bounds field;
      if (const char* wrong = type(depth + 1, &field)) return wrong;
      take('!');
      *bounds = {sum(bounds->least, field.least), sum(bounds->most, field.most)};
    }
    held_depth_ -= held;
    return nullptr;
  }

  const char* blocks(char code, int depth, Bounds* bounds) {
    uint32_t index;
    if (const char* wrong = emit(code, 0, &index)) return wrong;
    merge_floor_ = out_->count_;
    Bounds item;
    if (const char* wrong = type(depth + 1, &item)) return wrong;
    if (!take(code == '[' ? ']' : '}')) return code == '[' ? "expected ]" : "expected }";
    out_->ops_[index].arg = code == '[' && item.least == 0;
    out_->ops_[index].next = merge_floor_ = out_->count_;
    *bounds = {1, kSizeMax};
    return nullptr;
  }

  const char* alternatives(int depth, Bounds* bounds) {
    uint32_t index;
    if (const char* wrong = emit('<', 0, &index)) return wrong;
    *bounds = {kSizeMax, 0};
    do {
      uint32_t branch;
      if (const char* wrong = emit('|', 0, &branch)) return wrong;
      merge_floor_ = out_->count_;
      Bounds size;
      if (const char* wrong = type(depth + 1, &size)) return wrong;
      out_->ops_[branch].next = merge_floor_ = out_->count_;
      ++out_->ops_[index].arg;
      if (size.least < bounds->least) bounds->least = size.least;
      if (size.most > bounds->most) bounds->most = size.most;
    } while (take('|'));
    if (!take('>')) return "expected | or >";
    out_->ops_[index].next = out_->count_;
    *bounds = {sum(bounds->least, 1), sum(bounds->most, 5)};
    return nullptr;
  }

  std::string_view text_;
  Layout* out_;
  size_t at_ = 0;
  uint32_t merge_floor_ = 0;
  int held_depth_ = 0;  // records with "!" that we are in
};

Status Layout::parse(std::string_view text, size_t* column) {
  LayoutParser parser(text, this);
  LayoutParser::Bounds bounds;
  fixed_size_ = 0;
  if (const char* wrong = parser.run(&bounds)) {
    count_ = 0;
    *column = parser.column();
    return Error{wrong, 0};
  }
  if (bounds.least == bounds.most) fixed_size_ = static_cast<size_t>(bounds.least);
  return {};
}

}  // namespace sdr
