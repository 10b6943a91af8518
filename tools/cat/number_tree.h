// The numbers of a datum, or of a value within one: which there may be, and reading them all.
//
// A leaf stands for the numbers of one place in the schema: of a field ("pose.x"), of all items of
// an array ("cells[*]"), of all values of a map ("tags.*"), and of those branches of a union that
// are numbers. A boolean is 0 or 1. What is in a record within itself is passed over.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tools/cat/number.h"
#include "tools/recording/field_path.h"
#include "tools/recording/shape.h"

namespace sdr::cat {
using namespace recording;

constexpr size_t kLeavesMax = 5000;

struct Leaf {
  std::string name;
  std::string type;  // "double"; "int|double" of a union
};

class NumberTree {
 public:
  enum class What : uint8_t {
    kNumber,
    kNull,   // the leaf's union, or one around it, is null
    kOther,  // … or is of a branch without the leaf
  };
  using Sink = std::function<void(uint32_t leaf, What what, const Number& number)>;

  // All of a datum. `shape` must outlive this.
  explicit NumberTree(const Shape& shape);
  // Those of the value that `path` leads to. A datum that has no such item or key has none.
  NumberTree(const Shape& shape, const FieldPath& path);

  const std::vector<Leaf>& leaves() const { return leaves_; }
  bool is_cut() const { return is_cut_; }  // there are more than kLeavesMax

  // `datum` is one that shape.walk() found sound, of which nothing is checked again.
  void read(std::span<const uint8_t> datum, const Sink& sink) const;

 private:
  static constexpr uint32_t kNone = UINT32_MAX;  // nothing in it is a leaf
  // A type within the tree, and the leaves that are in it.
  struct Twig {
    uint32_t leaves_begin = 0;
    uint32_t leaves_end = 0;
    uint32_t leaf = kNone;           // a number's; of a union that of all its numbers
    std::vector<uint32_t> children;  // twigs or kNone, as the node has them; empty: all are kNone
    std::optional<FieldStep> only;   // of an array or a map, the item or key that is wanted
  };
  struct Cursor {
    const uint8_t* at;
    const uint8_t* end;
    const Sink& sink;
  };

  uint32_t add(uint32_t node, const std::string& name);
  uint32_t add_way(uint32_t node, std::span<const FieldStep> steps, const std::string& name);
  uint32_t add_twig(Twig twig);
  void add_parts(uint32_t node, const std::string& name, Twig* twig);
  void add_branches(uint32_t node, const std::string& name, Twig* twig);
  uint32_t add_leaf(const std::string& name, const std::string& type);
  void step(uint32_t node, uint32_t twig, Cursor* cursor) const;
  void step_union(uint32_t node, uint32_t twig, Cursor* cursor) const;
  void step_blocks(uint32_t node, uint32_t twig, Cursor* cursor) const;
  uint32_t child_of(uint32_t twig, size_t i) const {
    return twig == kNone || twigs_[twig].children.empty() ? kNone : twigs_[twig].children[i];
  }

  const Shape& shape_;
  uint32_t top_ = kNone;
  std::vector<Twig> twigs_;
  std::vector<Leaf> leaves_;
  std::vector<uint32_t> open_;  // records on the way to what is added
  size_t visits_ = 0;
  bool is_cut_ = false;
};

}  // namespace sdr::cat
