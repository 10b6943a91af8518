#include "tests/fuzz/layout_tree.h"

#include <algorithm>

#include "relay/format/varint.h"

namespace sdr::fuzz {
namespace {

constexpr uint64_t kSizeMax = 1 << 30;

bool take(std::string_view* text, char c) {
  if (!text->starts_with(c)) return false;
  text->remove_prefix(1);
  return true;
}

bool take_number(std::string_view* text, uint64_t* number) {
  *number = 0;
  const size_t digits = std::min(text->find_first_not_of("0123456789"), text->size());
  for (const char c : text->substr(0, digits))
    *number = std::min(kSizeMax + 1, *number * 10 + static_cast<uint64_t>(c - '0'));
  text->remove_prefix(digits);
  return digits > 0 && *number <= kSizeMax;
}

char closing(char code) {
  switch (code) {
    case '(':
      return ')';
    case '[':
      return ']';
    case '{':
      return '}';
    default:
      return '>';
  }
}

SizeBounds bounds_of_parts(const LayoutNode& tree) {
  SizeBounds all = {tree.code == '<' ? kSizeMax : 0, 0};
  for (const LayoutNode& child : tree.children) {
    const SizeBounds part = bounds_of(child);
    if (tree.code == '(') {
      all = {std::min(kSizeMax, all.least + part.least), std::min(kSizeMax, all.most + part.most)};
    } else {
      all = {std::min(all.least, part.least), std::max(all.most, part.most)};
    }
  }
  if (tree.code == '<') all = {std::min(kSizeMax, all.least + 1), std::min(kSizeMax, all.most + 5)};
  return all;
}

void append_number(int64_t number, std::string* out) {
  uint8_t bytes[kVarintBytesMax];
  const size_t size = put_varint(number, bytes);
  out->append(reinterpret_cast<const char*>(bytes), size);
}

void append_datum(const LayoutNode& tree, size_t size_max, Random* random, std::string* out) {
  const bool full = out->size() >= size_max;
  const uint64_t count = full ? 0 : random->below(4);
  uint64_t fixed = 0;
  switch (tree.code) {
    case 'n':
      return;
    case 'b':
      out->push_back(static_cast<char>(random->below(2)));
      return;
    case 'i':
      append_number(static_cast<int32_t>(random->next() >> random->below(64)), out);
      return;
    case 'l':
      append_number(static_cast<int64_t>(random->next() >> random->below(64)), out);
      return;
    case 'e':
      append_number(static_cast<int64_t>(random->below(tree.arg)), out);
      return;
    case 'f':
    case 'd':
    case 'x':
      fixed = tree.code == 'f' ? 4 : tree.code == 'd' ? 8 : tree.arg;
      out->append(fixed, static_cast<char>(random->next()));
      return;
    case 's':
    case 'y':
      append_number(static_cast<int64_t>(count), out);
      out->append(count, 'a');
      return;
    case '(':
      for (const LayoutNode& child : tree.children) append_datum(child, size_max, random, out);
      return;
    case '<':
      fixed = random->below(tree.children.size());
      append_number(static_cast<int64_t>(fixed), out);
      append_datum(tree.children[fixed], size_max, random, out);
      return;
    default:
      if (count > 0) append_number(static_cast<int64_t>(count), out);
      for (uint64_t i = 0; i < count; ++i) {
        if (tree.code == '{') append_number(0, out);
        append_datum(tree.children[0], size_max, random, out);
      }
      append_number(0, out);
  }
}

}  // namespace

bool parse_tree(std::string_view* text, LayoutNode* tree, int depth) {
  if (depth > kLayoutDepthMax || text->empty()) return false;
  *tree = {};
  tree->code = text->front();
  text->remove_prefix(1);
  switch (tree->code) {
    case 'n':
    case 'b':
    case 'i':
    case 'l':
    case 'f':
    case 'd':
    case 's':
    case 'y':
      return true;
    case 'x':
      return take_number(text, &tree->arg);
    case 'e':
      return take_number(text, &tree->arg) && tree->arg > 0;
    case '(':
      while (!take(text, ')')) {
        if (!parse_tree(text, &tree->children.emplace_back(), depth + 1)) return false;
        tree->children.back().held = take(text, '!');
      }
      return true;
    case '[':
    case '{':
      return parse_tree(text, &tree->children.emplace_back(), depth + 1) &&
             take(text, closing(tree->code));
    case '<':
      do {
        if (!parse_tree(text, &tree->children.emplace_back(), depth + 1)) return false;
      } while (take(text, '|'));
      return take(text, '>');
    default:
      return false;
  }
}

std::string print_tree(const LayoutNode& tree) {
  std::string out(1, tree.code);
  if (tree.code == 'x' || tree.code == 'e') out += std::to_string(tree.arg);
  for (size_t i = 0; i < tree.children.size(); ++i) {
    if (tree.code == '<' && i > 0) out += '|';
    out += print_tree(tree.children[i]);
    if (tree.children[i].held) out += '!';
  }
  if (!tree.children.empty() || tree.code == '(') out += closing(tree.code);
  return out;
}

SizeBounds bounds_of(const LayoutNode& tree) {
  switch (tree.code) {
    case 'n':
      return {0, 0};
    case 'b':
      return {1, 1};
    case 'i':
    case 'e':
      return {1, 5};
    case 'l':
      return {1, 10};
    case 'f':
      return {4, 4};
    case 'd':
      return {8, 8};
    case 'x':
      return {tree.arg, tree.arg};
    case '(':
    case '<':
      return bounds_of_parts(tree);
    default:
      return {1, kSizeMax};
  }
}

std::string make_datum(const LayoutNode& tree, size_t size_max, Random* random) {
  std::string out;
  append_datum(tree, size_max, random, &out);
  return out;
}

}  // namespace sdr::fuzz
